"""Parameters, connections, multiply-adds and receptive fields of a network, layer by layer."""

import dataclasses
import math
from typing import Any, NamedTuple

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
    PairwiseScores,
    PatchEmbedding,
    PositionEmbedding,
    PositionEmbedding2D,
    RBFOutput,
    ScaledSubsampling2D,
    SymmetricConv2D,
    TransformerEncoderBlock,
    UnitBias,
)


@dataclasses.dataclass(frozen=True)
class Row:
    """What one layer costs for one image, and what each of its units sees of the image.

    The unit in row `i` sees `receptive_field[0]` rows of the image, from row
    `i * stride[0] - padding[0]` on; columns likewise. What lies outside of the image is padding.

    Args:
        name: Name of the layer.
        output_shape: Shape of its output, without the batch.
        parameters: Number of trainable parameters. Kernels that were quantized count, too.
        connections: Number of inputs of all units, a bias as one, whether or not they share
            their weights.
        macs: Number of multiply-adds by a weight, and of attention's two products of tokens, three
            with relative positions. Adding up a window before one multiplication, adding a bias,
            squashing and normalizing have none.
        weights: Number of trainable parameters without the biases.
        receptive_field: Height and width of what one unit sees of the image, pixels; of branches,
            the least rectangle around all. `None` where a unit sees all (after a dense layer, a
            global pooling, attention), or its place is not known (behind a `Reshape`, or an
            operation of `keras.ops`). What a normalization sees for its statistics is left aside;
            so is a class token, which sees nothing before attention.
        stride: Pixels from the field of one unit to that of the next, down and to the right.
        padding: How far the field of the first unit hangs over the upper and the left edge of the
            image, pixels.
    """

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    connections: int
    macs: int
    weights: int
    receptive_field: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] | None = None


@arguments()
def count(model: keras.Model) -> list[Row]:
    """Counts parameters, connections, multiply-adds and receptive fields, layer by layer.

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
    print(rows[1].name, rows[1].receptive_field, rows[1].stride)  # S2 (6, 6) (2, 2)
    ```
    """
    graphs.check_connected(model)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            raise ValueError(
                f"Layers of a model within a model are not counted.{graphs.models_within(model)} "
                f"Received: model={model.name!r}"
            )
    seen = _fields(model)
    shapes: dict[Any, list] = {}
    for node in graphs.nodes(model.outputs):  # a layer that is shared has several
        shapes.setdefault(node.operation, []).append(tuple(node.outputs[0].shape[1:]))
    return [
        _row(layer, shapes[layer], seen.get(layer))
        for layer in model.layers
        if not isinstance(layer, layers.InputLayer)
    ]


@arguments()
def depth(model: keras.Model) -> int:
    """Counts the layers that multiply by weights, on the longest way through a network.

    Layers beside each other, as in an inception module, are one; a layer of a Transformer is four:
    the keys, queries and values, the output of the attention, and two of the MLP.

    Args:
        model: As of `count`.

    Returns:
        The number of layers: 16 of VGG-16, 22 of GoogLeNet, 152 of ResNet-152.

    Example:

    ```python
    import keras_classics as kc

    print(kc.analysis.depth(kc.applications.LeNet5()))  # 7, as the paper says
    ```
    """
    graphs.check_connected(model)
    found: dict[Any, int] = {}
    for node in graphs.nodes(model.outputs):
        before = max((found[parent] for parent in node.parent_nodes), default=0)
        found[node] = before + _weighing(node.operation)
    return max(found.values())


def _weighing(layer):
    """How many layers that multiply by weights a layer is, one after the other."""
    if isinstance(layer, TransformerEncoderBlock):
        return 4
    if isinstance(layer, MultiHeadSelfAttention):
        return 2
    free = not isinstance(layer, layers.Layer) or isinstance(layer, _NO_MACS)
    return 0 if free or isinstance(layer, layers.InputLayer) else 1


def _row(layer, shapes, field):
    if any(None in shape for shape in shapes):
        raise ValueError(
            f"Counting needs a model of known input shape. Received: layer {layer.name!r} with "
            f"the output shape {(None, *shapes[0])}"
        )
    sizes = [(name, math.prod(shape)) for name, shape in _trained(layer)]
    parameters = sum(size for _, size in sizes)
    weights = sum(size for name, size in sizes if name != "bias")
    each = [_macs(layer, math.prod(shape), shape) for shape in shapes]
    macs, extra = (sum(numbers) for numbers in zip(*each, strict=True))
    # A weight: local response normalization has a constant of that name.
    biased = isinstance(getattr(layer, "bias", None), keras.Variable)
    bias = sum(map(math.prod, shapes)) if biased else 0
    numbers = (parameters, macs + extra + bias, macs, weights)
    return Row(layer.name, shapes[0], *numbers, *(field or (None,) * 3))


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
        return _attention(layer.attention, shape, layer.mlp1, layer.mlp2)
    if isinstance(layer, MultiHeadSelfAttention):
        return _attention(layer, shape)
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
    if isinstance(layer, _NO_MACS):
        return 0, 0
    raise ValueError(
        f"The connections of layer {layer.name!r} of class {type(layer).__name__} are not known. "
        "Known: Conv2D, Dense, the layers of keras_classics, padding, pooling, normalization, "
        "addition, concatenation, flattening, reshaping, dropout, rescaling and activations."
    )


def _attention(attention, shape, *dense):
    """Attention's products, `q k^T`, `q r^T` and `A v`, and layers that read each token alone."""
    (n, d), dense = shape, (attention.qkv, attention.out, *dense)
    by_weight = n * sum(math.prod(layer.kernel.shape) for layer in dense)
    products = 3 if attention.relative else 2
    return by_weight + products * n * n * d, n * sum(layer.units for layer in dense)


_FREE = (
    ConstantPadding2D,
    IdentityShortcut2D,
    LocalResponseNormalization,
    MapResponseNormalization,
    PairwiseScores,
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
_NO_MACS = (UnitBias, ClassToken, PositionEmbedding, PositionEmbedding2D, *_FREE)
_WINDOWED = (
    LocallyConnected2D,
    MapConv2D,
    layers.AveragePooling2D,
    layers.Conv2D,
    layers.MaxPooling2D,
)
_PADDING = (ConstantPadding2D, layers.ZeroPadding2D)
_SEEING_ALL = (
    MultiHeadSelfAttention,
    PairwiseScores,
    RBFOutput,
    TransformerEncoderBlock,
    layers.Flatten,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.Reshape,
)


class _Field(NamedTuple):
    """What units see of an image, or a layer's units of its input: height and width of each."""

    size: tuple[int, int]
    step: tuple[int, int]
    before: tuple[int, int]


_POINT = _Field((1, 1), (1, 1), (0, 0))


def _fields(model):
    """What the units of each layer see of the image: `{layer: _Field}`, or `None` for all."""
    found: dict[Any, _Field | None] = {}
    for node in graphs.nodes(model.outputs):
        if node.parent_nodes:
            field = _joined([found[parent] for parent in node.parent_nodes])
            found[node] = field and _behind(field, _window(node))
        else:
            found[node] = _POINT if len(node.outputs[0].shape) == 4 else None
    return {node.operation: field for node, field in found.items()}


def _joined(fields):
    """The least field around those of branches that meet."""
    if None in fields or len({field.step for field in fields}) > 1:
        return None
    before = tuple(max(field.before[axis] for field in fields) for axis in (0, 1))
    after = (max(f.size[axis] - f.before[axis] for f in fields) for axis in (0, 1))
    size = tuple(b + a for b, a in zip(before, after, strict=True))
    return _Field(size, fields[0].step, before)


def _behind(field, window):
    """What units see whose windows are on units of a field."""
    if window is None:
        return None
    axes = (
        (size + (wide - 1) * step, step * stride, before + zeros * step)
        for size, step, before, wide, stride, zeros in zip(*field, *window, strict=True)
    )
    return _Field(*zip(*axes, strict=True))


def _window(node):
    """What a unit of a layer sees of the layer's input, or `None` for all of it."""
    layer, image = node.operation, node.input_tensors[0]
    if isinstance(layer, ScaledSubsampling2D):
        return _Field(layer.window, layer.window, (0, 0))
    if isinstance(layer, PatchEmbedding):
        return _Field(*(_pair(layer.patch_size),) * 2, (0, 0))
    if isinstance(layer, IdentityShortcut2D):
        return _Field((1, 1), _pair(layer.strides), (0, 0))
    if isinstance(layer, _PADDING):
        sides = (_pair(side)[0] for side in _pair(layer.padding))
        return _Field((1, 1), (1, 1), tuple(sides))
    if isinstance(layer, _WINDOWED):
        size = _pair(getattr(layer, "kernel_size", None) or layer.pool_size)
        step = _pair(getattr(layer, "strides", 1))
        rates = _pair(getattr(layer, "dilation_rate", 1))
        size = tuple((side - 1) * rate + 1 for side, rate in zip(size, rates, strict=True))
        if isinstance(layer, SymmetricConv2D):
            return _Field(size, step, tuple(side // 2 for side in size))
        if layer.padding == "valid":
            return _Field(size, step, (0, 0))
        # As many zeros as the last window lacks; of an odd number, the one more is after the image.
        lacking = (
            max((math.ceil(n / s) - 1) * s + k - n, 0)
            for n, k, s in zip(image.shape[1:3], size, step, strict=True)
        )
        return _Field(size, step, tuple(zeros // 2 for zeros in lacking))
    # A dense layer sees one place of a map, too; without a map there is no field before it.
    known = isinstance(layer, layers.Layer) and not isinstance(layer, _SEEING_ALL)
    return _POINT if known else None


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
