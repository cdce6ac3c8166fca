"""Parameters, connections and multiply-adds of a network, layer by layer."""

import dataclasses
import math

import keras
from keras import layers

from keras_classics import graphs
from keras_classics.checks import arguments
from keras_classics.layers import (
    ClassToken,
    ConstantPadding2D,
    IdentityShortcut2D,
    LocallyConnected2D,
    LocalResponseNormalization,
    MapConv2D,
    MapResponseNormalization,
    MultiHeadSelfAttention,
    PatchEmbedding,
    PositionEmbedding,
    PositionEmbedding2D,
    RBFOutput,
    ScaledSubsampling2D,
    TransformerEncoderBlock,
    UnitBias,
)


@dataclasses.dataclass(frozen=True)
class Row:
    """What one layer costs for one image.

    Args:
        name: Name of the layer.
        output_shape: Shape of its output, without the batch.
        parameters: Number of trainable parameters. Kernels that were quantized count, too.
        connections: Number of inputs of all units, a bias as one, whether or not they share
            their weights.
        macs: Number of multiply-adds by a weight, and of attention's two products of tokens.
            Adding up a window before one multiplication, adding a bias, squashing and
            normalizing have none.
        weights: Number of trainable parameters without the biases.
    """

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    connections: int
    macs: int
    weights: int


@arguments()
def count(model: keras.Model) -> list[Row]:
    """Counts parameters, connections and multiply-adds of a model, layer by layer.

    Args:
        model: A functional or sequential `keras.Model` of known input shape, of layers of Keras
            and of this library.

    Returns:
        A list of `Row`, one for each layer but the inputs.

    Raises:
        ValueError: If the input's shape, or how to count a layer, is not known.

    Example:

    ```python
    import keras_classics as kc

    rows = kc.analysis.count(kc.applications.LeNet5())
    print(rows[0].name, rows[0].parameters)  # C1 156
    print(sum(row.connections for row in rows))  # 340908, as the paper prints
    ```
    """
    graphs.check_connected(model)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            raise ValueError(
                f"Layers of a model within a model are not counted.{graphs.models_within(model)} "
                f"Received: model={model.name!r}"
            )
    return [_row(layer) for layer in model.layers if not isinstance(layer, layers.InputLayer)]


def _row(layer):
    shape = layer.output.shape[1:]
    if None in shape:
        raise ValueError(
            f"Counting needs a model of known input shape. Received: layer {layer.name!r} with "
            f"the output shape {layer.output.shape}"
        )
    sizes = [(name, math.prod(shape)) for name, shape in _trained(layer)]
    parameters = sum(size for _, size in sizes)
    weights = sum(size for name, size in sizes if name != "bias")
    macs, extra = _macs(layer, math.prod(shape), shape)
    # A weight: local response normalization has a constant of that name.
    bias = math.prod(shape) if isinstance(getattr(layer, "bias", None), keras.Variable) else 0
    return Row(layer.name, shape, parameters, macs + extra + bias, macs, weights)


def _trained(layer):
    """Names and shapes of the weights that are trained, or were before they became integers."""
    for weight in layer.trainable_weights:
        if not weight.overwrite_with_gradient:  # float8 keeps the ranges of its numbers so
            yield weight.name, weight.shape
    # Keras has no public way to the layers inside of a layer.
    for part in layer._flatten_layers():
        if part.trainable and part.quantization_mode not in (None, "float8"):
            yield "kernel", part.kernel.shape


def _macs(layer, units, shape):
    """Multiply-adds of a layer, and the connections beyond them but for the biases."""
    if isinstance(layer, MapConv2D):
        return math.prod(shape[:-1]) * math.prod(layer.kernel.shape), 0
    if isinstance(layer, LocallyConnected2D):
        return math.prod(layer.kernel.shape), 0
    if isinstance(layer, layers.Conv2D):  # in groups, a kernel has a group's channels
        return units * math.prod(layer.kernel.shape[:-1]), 0
    if isinstance(layer, PatchEmbedding):
        return units * math.prod(layer.kernel.shape[:-1]), 0
    if isinstance(layer, TransformerEncoderBlock):
        attention = layer.attention
        return _attention((attention.qkv, attention.out, layer.mlp1, layer.mlp2), shape)
    if isinstance(layer, MultiHeadSelfAttention):
        return _attention((layer.qkv, layer.out), shape)
    if isinstance(layer, (PositionEmbedding, PositionEmbedding2D)):
        return 0, units
    if isinstance(layer, ClassToken):
        return 0, shape[-1]
    if isinstance(layer, layers.Dense):
        return units * layer.kernel.shape[0], 0
    if isinstance(layer, ScaledSubsampling2D):
        return units, units * (math.prod(layer.window) - 1)
    if isinstance(layer, RBFOutput):
        return math.prod(layer.code.shape), 0
    if isinstance(layer, (UnitBias, *_FREE)):
        return 0, 0
    raise ValueError(
        f"The connections of layer {layer.name!r} of class {type(layer).__name__} are not known. "
        "Known: Conv2D, Dense, the layers of keras_classics, padding, pooling, normalization, "
        "addition, concatenation, flattening, reshaping, dropout, rescaling and activations."
    )


def _attention(dense, shape):
    """Attention's two products, `q k^T` and `A v`, and layers that read each token alone."""
    n, d = shape
    by_weight = n * sum(math.prod(layer.kernel.shape) for layer in dense)
    return by_weight + 2 * n * n * d, n * sum(layer.units for layer in dense)


_FREE = (
    ConstantPadding2D,
    IdentityShortcut2D,
    LocalResponseNormalization,
    MapResponseNormalization,
    layers.Activation,
    layers.Add,
    layers.AveragePooling2D,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Dropout,
    layers.Flatten,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GroupNormalization,
    layers.Identity,
    layers.LayerNormalization,
    layers.MaxPooling2D,
    layers.ReLU,
    layers.Rescaling,
    layers.Reshape,
    layers.Softmax,
    layers.ZeroPadding2D,
)
