"""Batch normalization and ReLU folded into the convolutions beside them, for inference."""

import dataclasses
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
    StandardizedConv2D,
    SymmetricConv2D,
)

# Only these classes, whose equations are known: a subclass may compute something else.
NORMALIZATIONS = (layers.BatchNormalization, BatchNormalization)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
# They also take over the normalization of their input, if they pad it with nothing.
READERS = (
    layers.Dense,
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D),
    *DEPTHWISE,
    *(CoveringConv2D, GroupedConv2D, StandardizedConv2D, SymmetricConv2D),
)
FOLDABLE = (*READERS, layers.SeparableConv1D, layers.SeparableConv2D, *TRANSPOSED)
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")  # of a layer, the last is folded


@dataclasses.dataclass
class Folds:
    """What a layer takes over from those beside it."""

    before: keras.Layer | None = None  # a normalization of its input
    after: keras.Layer | None = None  # a normalization of its output
    relu: keras.Layer | None = None


@arguments(model=ANYTHING, precision=optional(one_of("float32", "bfloat16", "float16")))
def fuse(model: keras.Model, precision: str | None = None) -> keras.Model:
    """Copies a model, and folds its batch normalizations into the convolutions beside them.

    At inference, a batch normalization is one factor and one shift for each channel,
    `s = gamma / sqrt(variance + epsilon)` and `t = beta - mean s`. The weights of a convolution
    or a dense layer can hold them. Directly after the layer,

        w' = w s,    b' = b s + t

    and directly before it, with the sum over the window and the channels that a unit reads,

        w' = s w,    b' = b + sum t w

    and the normalization leaves the graph. A ReLU directly after such a layer, or after its
    normalization, becomes the layer's activation, and a `StandardizedConv2D` becomes a
    `keras.layers.Conv2D` with the standardized kernels.

    The normalization or the ReLU stays where the result would be another function, or is not
    known to be the same. It stays

    - if something else uses what lies between the two, or it is an output of the model;
    - if it comes after a layer that has an activation, or that is not in `FOLDABLE` (a subclass
      is not);
    - if it comes before a layer that is not in `READERS`, or that pads its input: the zeros are
      not normalized. Between the two there may be a `Flatten`;
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
        now has the output that the normalization or the ReLU after it had, and the names of these
        are gone. The model is for inference: in training, nothing normalizes where a
        normalization was folded.

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
    folds, gone = _plan(graph, nodes)
    trained = {node.operation for node in nodes if _is_graph(node.operation) and _trains(node)}
    copies = {}
    last = {graphs.maker(output) for output in graph.outputs} if gives else set()
    last = {gone.get(layer, layer) for layer in last}

    def copy(layer):
        if layer in gone:
            return layer  # which `call` leaves out
        if _is_graph(layer) and layer not in trained:
            return _fused(layer, precision, gives=layer in last)
        kind, config = type(layer), layer.get_config()
        if layer in folds:
            config["use_bias"] |= bool(folds[layer].before or folds[layer].after)
            if folds[layer].relu:
                config["activation"] = "relu"
        if _is_standardized(layer):
            kind = layers.Conv2D
            del config["epsilon"]
        if precision and isinstance(layer, keras.Layer) and not _is_input(layer):
            config["dtype"] = "float32" if layer in last else precision
        copies[layer] = kind.from_config(config)
        return copies[layer]

    def call(layer, *args, **kwargs):
        if layer in gone:
            return keras.tree.flatten((args, kwargs))[0]
        return layer(*args, **kwargs)

    starts = {layer.output: copy(layer).output for layer in graph.layers if _is_input(layer)}
    inputs = keras.tree.map_structure(starts.get, graph.input)
    fused = keras.models.clone_model(graph, inputs, clone_function=copy, call_function=call)
    for layer, its_copy in copies.items():
        if layer in folds or _is_standardized(layer):
            its_copy.set_weights(_folded(layer, folds.get(layer, Folds())))
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


def _plan(graph, nodes):
    """What each layer takes over, `{layer: Folds}`, and `{layer that goes: layer that has it}`."""
    maker = {output: node.operation for node in nodes for output in node.outputs}
    calls = Counter(node.operation for node in nodes)
    uses = Counter(graph.outputs) + Counter(x for node in nodes for x in node.input_tensors)
    readers = {}  # of a tensor that one layer alone reads, and which that layer alone reads
    folds, gone = {}, {}
    for node in nodes:
        layer = node.operation
        if calls[layer] > 1 or len(node.input_tensors) != 1 or _trains(node):
            continue
        (x,) = node.input_tensors
        if uses[x] > 1:
            continue
        readers[x] = node
        host = gone.get(maker[x], maker[x])
        kind = _follows(host, layer, x.shape) if calls[host] == 1 else None
        taken = folds.get(host, Folds())
        if kind and not taken.relu and not getattr(taken, kind):
            folds[host] = dataclasses.replace(taken, **{kind: layer})
            gone[layer] = host
    for x, node in readers.items():
        norm, reader = node.operation, readers.get(node.outputs[0])
        if reader and _flattens(reader.operation):
            reader = readers.get(reader.outputs[0])
        if reader and norm not in gone and _reads(reader, norm, x):
            folds.setdefault(reader.operation, Folds()).before = norm
            gone[norm] = reader.operation
    return folds, gone


def _trains(node):
    """Whether a batch normalization or a model is called with `training=True`."""
    return bool(node.arguments.kwargs.get("training"))  # Keras takes it by name only


def _holds(layer):
    """Whether the weights of a layer can be folded; quantized or with an adapter, it has others."""
    return type(layer) in FOLDABLE and {w.name for w in layer.weights} <= {*KERNELS, "bias"}


def _is_standardized(layer):
    return type(layer) is StandardizedConv2D and _holds(layer)


def _is_relu(layer):
    if type(layer) is layers.ReLU:
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return type(layer) is layers.Activation and layer.activation is keras.activations.relu


def _matches(layer, norm, rank, shape):
    """Whether a layer and a normalization agree in dtype, and on the axis of the channels.

    `rank` is that of the normalized tensor, `shape` is of the layer's output.
    """
    first = getattr(layer, "data_format", None) == "channels_first"
    if first and shape[-1] in (None, shape[1]):
        return False  # Keras on TensorFlow adds a bias along the width if that is as long
    at_channels = norm.axis % rank == (1 if first else rank - 1)
    return at_channels and norm.compute_dtype == layer.compute_dtype


def _follows(layer, after, shape):
    """How a layer can take over the one that alone uses its output: as which of its `Folds`."""
    if not _holds(layer) or layer.activation is not keras.activations.linear:
        return None
    if type(after) in NORMALIZATIONS:
        return "after" if _matches(layer, after, len(shape), shape) else None
    return "relu" if _is_relu(after) and after.compute_dtype == layer.compute_dtype else None


def _reads(node, norm, x):
    """Whether a node's layer can take over the layer before it, a normalization of `x`."""
    layer = node.operation
    if type(norm) not in NORMALIZATIONS or type(layer) not in READERS or not _holds(layer):
        return False
    pads = getattr(layer, "padding", "valid") != "valid" and set(layer.kernel_size) != {1}
    is_float = keras.backend.is_float_dtype(x.dtype)  # integers, no layer casts
    return is_float and not pads and _matches(layer, norm, len(x.shape), node.outputs[0].shape)


def _flattens(layer):
    return type(layer) is layers.Flatten and layer.data_format == "channels_last"


def _folded(layer, folds):
    """The weights of a layer that has taken over what is beside it."""
    values = {
        weight.name: keras.ops.convert_to_numpy(weight).astype("float64")
        for weight in layer.weights
    }
    *others, kernel = (values[name] for name in KERNELS if name in values)
    bias = values.get("bias", 0)
    if _is_standardized(layer):
        deviation = kernel.std(axis=(0, 1, 2)) + layer.epsilon
        kernel = (kernel - kernel.mean(axis=(0, 1, 2))) / deviation
    if folds.before:
        scale, shift = (_each_input(layer, kernel, value) for value in _affine(folds.before))
        of_shift = kernel * shift
        units = 2 if type(layer) in DEPTHWISE else 1  # the axes of the output
        bias = bias + of_shift.sum(axis=tuple(range(of_shift.ndim - units))).ravel()
        kernel = kernel * scale
    if folds.after:
        scale, shift = _affine(folds.after)
        bias = bias * scale + shift
        if type(layer) in DEPTHWISE:  # (..., channels, multiplier)
            scale = np.reshape(scale, kernel.shape[-2:])
        elif type(layer) in TRANSPOSED:  # (..., filters, channels)
            scale = scale[:, None]
        kernel = kernel * scale
    has_bias = layer.use_bias or folds.before or folds.after
    return [*others, kernel, *([bias] if has_bias else [])]


def _affine(norm):
    """The factor and the shift of each channel of a batch normalization at inference."""
    values = {
        weight.name: keras.ops.convert_to_numpy(weight).astype("float64") for weight in norm.weights
    }
    scale = values.get("gamma", 1) / np.sqrt(values["moving_variance"] + norm.epsilon)
    return scale, values.get("beta", 0) - values["moving_mean"] * scale


def _each_input(layer, kernel, values):
    """Values of the channels, as factors of the kernel that reads them."""
    if type(layer) in DEPTHWISE:  # (..., channels, multiplier)
        return values[:, None]
    groups = getattr(layer, "groups", 1)  # the kernel has shape (..., channels / G, filters)
    values = np.tile(values, kernel.shape[-2] * groups // len(values))  # of a flattened map
    return np.repeat(np.reshape(values, (groups, -1)).T, kernel.shape[-1] // groups, axis=1)
