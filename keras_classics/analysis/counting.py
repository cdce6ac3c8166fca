"""Parameters, connections and multiply-adds of a network, layer by layer."""

import dataclasses
import math

import keras
from keras import layers

from keras_classics.layers import (
    ClassToken,
    ConstantPadding2D,
    IdentityShortcut2D,
    LocallyConnected2D,
    LocalResponseNormalization,
    MapConv2D,
    MultiHeadSelfAttention,
    PatchEmbedding,
    PositionEmbedding,
    RBFOutput,
    ScaledSubsampling2D,
    TransformerEncoderBlock,
    UnitBias,
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer: its output's shape (without the batch) and what it costs for one image.

    `parameters` are the trainable ones, `weights` those without the biases. `connections`
    count every input of every unit, a bias as one, whether or not it shares its weight.
    `macs` are the multiply-adds by a weight, and those of attention's two products of tokens;
    adding up a window before one multiplication, adding a bias, squashing and normalizing are
    none.
    """

    name: str
    output_shape: tuple
    parameters: int
    connections: int
    macs: int
    weights: int


def count(model):
    """Counts a model of Keras layers and of this library's, layer by layer.

    Args:
        model: A functional or sequential `keras.Model` of known input shape.

    Returns:
        A list of `Row`, one for each layer but the inputs.

    Raises:
        ValueError: for a layer whose connections it does not know.
    """
    return [_row(layer) for layer in model.layers if not isinstance(layer, layers.InputLayer)]


def _row(layer):
    shape = layer.output.shape[1:]
    if None in shape:
        raise ValueError(
            f"Counting needs a model of known input shape. Received: layer {layer.name!r} with "
            f"the output shape {layer.output.shape}"
        )
    parameters = sum(math.prod(weight.shape) for weight in layer.trainable_weights)
    weights = sum(math.prod(w.shape) for w in layer.trainable_weights if w.name != "bias")
    macs, extra = _macs(layer, math.prod(shape), shape)
    # A weight: local response normalization has a constant of that name.
    bias = math.prod(shape) if isinstance(getattr(layer, "bias", None), keras.Variable) else 0
    return Row(layer.name, shape, parameters, macs + extra + bias, macs, weights)


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
    if isinstance(layer, PositionEmbedding):
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
