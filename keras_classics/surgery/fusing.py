"""Batch normalization folded into the convolution before it, for inference."""

from collections import Counter

import keras
import numpy as np
from keras import layers

from keras_classics import graphs
from keras_classics.checks import ANYTHING, arguments, one_of, optional
from keras_classics.layers import (
    BatchNormalization,
    CoveringConv2D,
    GroupedConv2D,
    SymmetricConv2D,
)

# Only these classes, whose equations are known: a subclass may compute something else.
NORMALIZATIONS = (layers.BatchNormalization, BatchNormalization)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
FOLDABLE = (
    layers.Dense,
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D),
    *(layers.SeparableConv1D, layers.SeparableConv2D),
    *DEPTHWISE,
    *TRANSPOSED,
    *(CoveringConv2D, GroupedConv2D, SymmetricConv2D),
)
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")  # of a layer, the last is folded


@arguments(model=ANYTHING, precision=optional(one_of("float32", "bfloat16", "float16")))
def fuse(model: keras.Model, precision: str | None = None) -> keras.Model:
    """Copies a model, and folds its batch normalizations into the convolutions before them.

    At inference, a batch normalization is one factor and one shift for each channel. Directly
    after a convolution or a dense layer, the layer's weights can hold them,

        w' = w gamma / sqrt(variance + epsilon)
        b' = beta + (b - mean) gamma / sqrt(variance + epsilon)

    and the normalization leaves the graph. The normalization stays where the result would be
    another function, or is not known to be the same. It stays

    - if the layer has an activation, if its output is also used elsewhere or is an output of the
      model, or if its class is not in `FOLDABLE` (a subclass is not);
    - if either of the two is called more than once, or they compute in different dtypes;
    - if it normalizes another axis than the channels, has a mask, or is called with
      `training=True`;
    - if the channels come first, and the width is unknown or equals their number.

    Models within the model are fused too. Layers inside of other layers are copied as they are.

    With a `precision`, all layers compute in it, and have their weights in it, whatever the policy
    was that they were built under; but those that give the outputs, which compute in float32. The
    weights are folded before they are rounded. bfloat16 pays on processors that multiply in it
    (AVX512-BF16, AMX) and on accelerators.

    Args:
        model: A functional model, a Sequential model that is built, or a `Classifier`. It is not
            changed.
        precision: `"bfloat16"`, `"float16"` or `"float32"`. Default: each layer's own.

    Returns:
        A functional `keras.Model` of the same name, inputs and outputs, with weights of its
        own, not compiled; of a `Classifier` another one. Layers keep their names. A convolution
        now has the output that its normalization had, and the normalization's name is gone. The
        model is for inference: in training, nothing normalizes where a normalization was folded.

    Raises:
        ValueError: If Keras does not know how the layers of the model connect, or the model has a
            `call` of its own.

    Example:

    ```python
    import keras_classics as kc

    network = kc.build("resnet8_cifar")
    fused = kc.fuse(network)
    print(len(network.layers), len(fused.layers))
    ```
    """
    with graphs.deep_recursion():
        return _fused(model, precision)


def _fused(model, precision, gives=True):
    """The copy of a model; `gives`: whether its outputs are those of the whole model."""
    graphs.check_connected(model)
    if hasattr(model, "with_network"):  # a classifier, whose room is above this one
        return model.with_network(_fused(model.network, precision))
    if not _is_graph(model):
        raise ValueError(
            "`model` must not compute by a `call` of its own: only the graph of its layers is "
            f"copied. Received: model={model!r} of class {type(model).__name__}"
        )
    graph = _graph(model)
    nodes = list(graphs.nodes(graph.outputs))
    convolutions = _pairs(graph, nodes)
    normalizations = {convolution: norm for norm, convolution in convolutions.items()}
    trained = {node.operation for node in nodes if _is_graph(node.operation) and _trains(node)}
    copies = {}
    last = {graphs.maker(output) for output in graph.outputs} if gives else set()
    last |= {convolutions[layer] for layer in last if layer in convolutions}

    def copy(layer):
        if layer in convolutions:
            return layer  # a normalization, which `call` leaves out
        if _is_graph(layer) and layer not in trained:
            return _fused(layer, precision, gives=layer in last)
        config = layer.get_config()
        if layer in normalizations:
            config["use_bias"] = True
        if precision and isinstance(layer, keras.Layer) and not _is_input(layer):
            config["dtype"] = "float32" if layer in last else precision
        copies[layer] = type(layer).from_config(config)
        return copies[layer]

    def call(layer, *args, **kwargs):
        if layer in convolutions:
            return keras.tree.flatten((args, kwargs))[0]
        return layer(*args, **kwargs)

    starts = {layer.output: copy(layer).output for layer in graph.layers if _is_input(layer)}
    inputs = keras.tree.map_structure(starts.get, graph.input)
    fused = keras.models.clone_model(graph, inputs, clone_function=copy, call_function=call)
    for layer, its_copy in copies.items():
        if layer in normalizations:
            its_copy.set_weights(_folded(layer, normalizations[layer]))
        elif isinstance(layer, keras.Layer):
            its_copy.set_weights(layer.get_weights())
            if hasattr(its_copy, "finalize_state"):  # a preprocessing layer derives more from them
                its_copy.finalize_state()
    return fused


def _is_graph(layer):
    """Whether a layer is a model that is no more than a graph of its layers."""
    return (
        isinstance(layer, (keras.Sequential, keras.Function))
        and isinstance(layer, keras.Model)
        and hasattr(layer, "inputs")
        and type(layer).call.__module__.startswith("keras.")
    )


def _graph(model):
    """A plain functional model of the same layers; as it is not compiled, no copy of it is."""
    if isinstance(model, keras.Sequential):  # its `input` may be of another call
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def _is_input(layer):
    return isinstance(layer, layers.InputLayer)


def _pairs(graph, nodes):
    """Finds the convolution of each batch normalization that can be folded into one."""
    maker = {output: node.operation for node in nodes for output in node.outputs}
    calls = Counter(node.operation for node in nodes)
    uses = Counter(graph.outputs) + Counter(x for node in nodes for x in node.input_tensors)
    pairs = {}
    for node in nodes:
        norm = node.operation
        if type(norm) not in NORMALIZATIONS or _trains(node) or len(node.input_tensors) > 1:
            continue
        (x,) = node.input_tensors
        layer = maker[x]
        once = calls[norm] == calls[layer] == uses[x] == 1
        if once and _folds(layer, norm, x.shape):
            pairs[norm] = layer
    return pairs


def _trains(node):
    """Whether a batch normalization or a model is called with `training=True`."""
    return bool(node.arguments.kwargs.get("training"))  # Keras takes it by name only


def _folds(layer, norm, shape):
    """Whether a layer can take over the batch normalization that alone uses its output."""
    if type(layer) not in FOLDABLE:
        return False
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    if channels_first and shape[-1] in (None, shape[1]):
        return False  # Keras on TensorFlow adds a bias along the width if that is as long
    return (
        layer.activation is keras.activations.linear
        and norm.axis % len(shape) == (1 if channels_first else len(shape) - 1)
        and norm.compute_dtype == layer.compute_dtype
        # Quantized, or with an adapter, a layer has others.
        and {weight.name for weight in layer.weights} <= {*KERNELS, "bias"}
    )


def _folded(layer, norm):
    """The weights of a layer that has taken over its batch normalization."""
    values = {
        weight.name: keras.ops.convert_to_numpy(weight).astype("float64")
        for weight in (*layer.weights, *norm.weights)
    }
    scale = values.get("gamma", 1) / np.sqrt(values["moving_variance"] + norm.epsilon)
    bias = values.get("beta", 0) + (values.get("bias", 0) - values["moving_mean"]) * scale
    *others, kernel = (values[name] for name in KERNELS if name in values)
    if type(layer) in DEPTHWISE:  # (..., channels, multiplier)
        scale = np.reshape(scale, kernel.shape[-2:])
    elif type(layer) in TRANSPOSED:  # (..., filters, channels)
        scale = scale[:, None]
    return [*others, kernel * scale, bias]
