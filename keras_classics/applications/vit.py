"""ViT: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image
Recognition at Scale", ICLR 2021 (arXiv:2010.11929).

Follows figure 1, equations 1 to 4, Table 1, sections 3.1 (hybrids), 3.2 (fine-tuning) and 4.1,
and appendices B.1.2 (masked patches) and D.4 (positions). The paper is silent on the following;
here as in the authors' release: the epsilon of layer normalization (1e-6), the form of GELU
(tanh), the initial weights, and, in the hybrids, the kernels (standardized), the strides (in the
3x3 convolutions) and the padding (TensorFlow's).

Departures: none. Ti and S are Touvron et al.'s (2021) and Steiner et al.'s (2022), Mini is
ours: the paper has none so small.
"""

import math
import os
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_classics.activations import Activation
from keras_classics.applications.builder import own_words, pretrained
from keras_classics.applications.typed import typed
from keras_classics.checks import ARRAY, MODEL, RATE, SHARE, arguments, one_of, optional
from keras_classics.graphs import models_within, nodes
from keras_classics.layers import (
    ClassToken,
    PatchCorruption,
    PatchEmbedding,
    PositionEmbedding,
    PositionEmbedding2D,
    StandardizedConv2D,
    TransformerEncoderBlock,
)

# Table 1: width D, layers, width of MLP, heads.
SIZES = {
    "Mini": (128, 6, 256, 4),  # for images of 28 to 32 pixels
    "Ti": (192, 12, 768, 3),
    "S": (384, 12, 1536, 6),
    "B": (768, 12, 3072, 12),
    "L": (1024, 24, 4096, 16),
    "H": (1280, 32, 5120, 16),
}
# The hybrids' ResNet (section 4.1): blocks of each stage. /32 takes the output of stage 4;
# /16 has none, and its blocks in stage 3. The others are Steiner et al.'s: "R" is the root alone.
RESNETS: dict[str, dict[int, tuple[int, ...]]] = {
    "R50": {16: (3, 4, 9), 32: (3, 4, 6, 3)},
    "R26": {32: (2, 2, 2, 2)},
    "R": {16: ()},
}
HYBRID_PATCHES = {"R": 8}  # on the maps, where they are not 1x1
POSITIONS = (None, "1d", "2d", "relative")  # Table 8, its rows
PLACES = ("stem", "every_layer", "shared")  # and its columns
POOLINGS = (None, "token", "avg")
TARGETS = ("color", "4x4", "pixels")  # appendix B.1.2
LEVELS = 8  # of each channel of a colour: 3 bits
MASKED = (
    "`model` must be the ViT that `masked` was given: it is trained as the masked one is. "
    "Received: {!r}, which corrupts patches"
)
TUNED_WITH_DROPOUT = ("L/16", "H/14", "R50+B/16")  # in the release, of 0.1


@arguments(pooling=one_of(*POOLINGS), positions=one_of(*POSITIONS), positions_at=one_of(*PLACES))
@pretrained
def ViT(
    variant: str,
    *,
    dropout: float = 0.0,
    stochastic_depth: float = 0.0,
    activation: Activation = "gelu_tanh",
    epsilon: float = 1e-6,
    representation_size: int | None = None,
    positions: str | None = "1d",
    positions_at: str = "stem",
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A Vision Transformer of Table 1, or a hybrid of section 3.1.

    Args:
        variant: Size and patch, `"B/16"`. Sizes are Ti, S, B, L, H and Mini; a patch has any
            side in pixels. `"R50+B/16"` and `"R50+B/32"` (any size) are hybrids, which take
            patches of 1x1 from the maps of a ResNet-50. So are `"R26+S/32"` and `"R+Ti/16"` of
            Steiner et al., 2022; the latter takes patches of 8x8 from the maps of the root.
        dropout: Rate of the dropout after the position embeddings and after every dense layer
            but those of queries, keys and values. Paper (Table 3): 0.1 on ImageNet and
            ImageNet-21k, 0 on JFT-300M.
        stochastic_depth: Rate at which an image skips MSA, and again MLP, of the last block in
            training. It falls linearly to 0 in the first block. Paper: 0; Touvron et al.,
            2021: 0.1.
        activation: Of the MLPs. Paper: "GELU", whose form the release decides: `"gelu_tanh"`.
            `"gelu"` is the exact form, with which torchvision and timm trained their weights.
        epsilon: Added to the variance by layer normalization, on which the paper is silent.
            Release, torchvision and timm: 1e-6; transformers: 1e-12.
        representation_size: Width of the hidden layer, tanh, that the head has while
            pre-training on a large data set (section 3.1). Release: `D`, on ImageNet-21k.
        positions: The position embeddings (appendix D.4, Table 8): `"1d"`, one of each patch;
            `"2d"`, `layers.PositionEmbedding2D`; `"relative"`, of the distance of each two
            tokens, in the attention of each layer (`layers.MultiHeadSelfAttention`); `None`,
            none, which leaves a bag of patches. Paper: `"1d"`; 5-shot accuracy of B/16 on ImageNet
            64.2 %, 64.0 %, 64.0 % and 61.4 %.
        positions_at: Where `"1d"` and `"2d"` are added: `"stem"`, to the patches;
            `"every_layer"`, to the input of each layer, which has its own; `"shared"`, there, too,
            and they are the same in all layers. Paper: `"stem"`; `"1d"` reaches 64.2 %, 64.0 %
            and 64.3 %, `"2d"` 64.0 % with each.
        include_top: Whether to build the head.
        weights: `None`, the name of a release or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`, both sides divisible by the patch. Paper:
            `(224, 224, 3)`, RGB from -1 to 1.
        pooling: What of the encoder's output is the image's representation: `"token"`, the
            class token (equation 4), or `"avg"`, the mean of the patches, in a network
            without class token (appendix D.3). `None`: the class token, or without the top
            all tokens.
        classes: Number of classes. Paper: 1000.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `vit_b16`, `vit_r50_b16` and so on.

    Returns:
        A functional `keras.Model` with the layers patch_embedding, class_token,
        position_embedding, encoder_block_1, ..., encoder_norm and, with the top, pre_logits
        (if there is a `representation_size`) and predictions. Position embeddings of every layer
        are position_embedding_1, ..., those that they share shared_position_embedding, and of two
        dimensions position_embedding_2d and so on. The weights of predictions are 0 before
        training. A hybrid begins with conv_root, conv2_1, ..., conv2_x, conv3_x, conv4_x.

    Example:

    ```python
    from keras_classics.applications import ViT

    model = ViT("Ti/16", input_shape=(64, 64, 3), classes=10)
    tokens = model.get_layer("encoder_block_12").output  # (None, 17, 192)
    ```
    """
    resnet, size, patch = _parse(variant)
    on_maps = HYBRID_PATCHES.get(resnet, 1)
    _check_sides(input_shape, 32 if on_maps > 1 else patch)
    d, depth, mlp_dim, heads = SIZES[size]
    x = image = keras.Input(input_shape, name="image")
    if resnet:
        x = _resnet(x, RESNETS[resnet][patch])
    patches = PatchEmbedding(d, on_maps if resnet else patch, name="patch_embedding")
    x = patches(x)
    if pooling != "avg":
        x = ClassToken(name="class_token")(x)
    added = _position_embeddings(positions, positions_at, depth, patches.grid)
    for i in range(depth):
        if added[i]:
            x = added[i](x)
        if i == 0:
            x = layers.Dropout(dropout, name="dropout")(x)
        x = TransformerEncoderBlock(
            heads,
            mlp_dim,
            dropout,
            stochastic_depth * i / (depth - 1),
            activation,
            epsilon,
            positions == "relative",
            name=f"encoder_block_{i + 1}",
        )(x)
    if pooling == "token" or (include_top and pooling is None):
        x = x[:, 0]  # equation 4
    x = layers.LayerNormalization(epsilon=epsilon, name="encoder_norm")(x)
    if pooling == "avg":
        x = layers.GlobalAveragePooling1D("channels_last", name="avg_pool")(x)
    if include_top:
        if representation_size is not None:
            x = layers.Dense(representation_size, "tanh", name="pre_logits")(x)
        x = _head(classes, classifier_activation)(x)
    name = name or "vit_" + variant.lower().replace("+", "_").replace("/", "")
    return keras.Model(image, x, name=name)


@own_words()
@arguments(model=MODEL, dropout=optional(RATE))
def fine_tune(
    model: keras.Model,
    *,
    classes: int,
    dropout: float | None = None,
    stochastic_depth: float = 0.0,
    input_shape: tuple[int, ...] = (384, 384, 3),
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A pre-trained network for another data set and resolution (section 3.2).

    It keeps the weights of the model, with two exceptions. The position embeddings are resized
    to the new grid of patches (`keras_classics.layers.resize_positions`), wherever they are
    added; of relative ones the paper does not say how, and the grid must stay. One layer of zeros
    takes the place of the head and of its hidden layer, if there is one. The new network
    follows the dtype policy that is set now.

    Args:
        model: A `ViT` with its top.
        classes: Number of classes of the new data set.
        dropout: As in `ViT`, whatever the model has. `None`: the release's, 0.1 for L/16, H/14
            and R50+B/16, and 0 for all others.
        stochastic_depth: As in `ViT`, whatever the model has. Release: 0.
        input_shape: `(height, width, channels)`, both sides divisible by the patch. Paper
            (section 4.1): 384, or 512 and 518 for the largest.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the new model. Default: the model's.

    Returns:
        A new functional `keras.Model`; the given one stays as it is.

    Raises:
        ValueError: If `model` is not a `ViT` with its top, or `input_shape` does not fit.

    Example:

    ```python
    from keras_classics.applications import ViT
    from keras_classics.applications.vit import fine_tune

    model = ViT("Mini/8", input_shape=(32, 32, 3), classes=100)
    tuned = fine_tune(model, classes=10, input_shape=(64, 64, 3))
    ```
    """
    ends = [layer for layer in model.layers if layer.name in ("encoder_norm", "avg_pool")]
    old = {type(layer): layer for layer in model.layers}
    if PatchCorruption in old:
        raise ValueError(MASKED.format(model.name))
    if not ends or ends[-1].output is model.output or PatchEmbedding not in old:
        raise ValueError(
            f"`model` must be a ViT with its top.{models_within(model)} "
            f"Received: {model.name!r} with the layers "
            f"{', '.join(layer.name for layer in model.layers)}"
        )
    embedding = old[PatchEmbedding]
    patch = model.input_shape[1] // embedding.grid[0]
    _check_sides(input_shape, patch)
    body = keras.Model(model.input, ends[-1].output, name=name or model.name)
    blocks = [layer for layer in body.layers if isinstance(layer, TransformerEncoderBlock)]
    old_grid, new_grid = embedding.grid, tuple(side // patch for side in input_shape[:2])
    if blocks[0].relative and new_grid != old_grid:
        raise ValueError(
            "Relative positions cannot be resized: the paper says how for those that are added to "
            f"the patches (section 3.2). Keep the grid of {old_grid[0]}x{old_grid[1]} patches. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    if dropout is None:
        hybrid, numbers = StandardizedConv2D in old, (body.output.shape[-1], len(blocks))
        size = next((name for name, row in SIZES.items() if row[:2] == numbers), None)
        variant = f"{'R50+' if hybrid else ''}{size}/{patch}"
        dropout = 0.1 if variant in TUNED_WITH_DROPOUT else 0.0

    def renewed(layer):
        config = layer.get_config()
        if isinstance(layer, layers.Layer):  # and no slice
            config["dtype"] = keras.config.dtype_policy().name
        if layer in blocks:
            share = blocks.index(layer) / (len(blocks) - 1)
            config |= {"dropout": dropout, "stochastic_depth": stochastic_depth * share}
        elif isinstance(layer, layers.Dropout):
            config["rate"] = dropout
        elif isinstance(layer, PositionEmbedding2D):
            config["grid"] = new_grid
        return type(layer).from_config(config)

    x = image = keras.Input(input_shape, name="image")
    tuned = keras.models.clone_model(body, input_tensors=image, clone_function=renewed)
    for theirs, ours in zip(body.layers, tuned.layers, strict=True):
        values = theirs.get_weights()
        if isinstance(theirs, PositionEmbedding):
            values = [theirs.resize(new_grid, old_grid)]
        elif isinstance(theirs, PositionEmbedding2D):
            values = theirs.resize(new_grid)
        ours.set_weights(values)
    x = _head(classes, classifier_activation)(tuned.output)
    return keras.Model(tuned.input, x, name=name or model.name)


@arguments(model=MODEL, rate=SHARE, target=one_of(*TARGETS))
def masked(
    model: keras.Model,
    *,
    rate: float = 0.5,
    target: str = "color",
    seed: int | None = None,
    name: str | None = None,
) -> keras.Model:
    """A network that learns without labels to predict corrupted patches (appendix B.1.2).

    Its layers are those of the model, but for the corruption and for the head: the training of the
    one trains the other, and `fine_tune` then takes the model. It corrupts patches whenever it
    runs, so that the loss of a validation is that of the task. Corrupted patches alone count in
    losses and metrics; a Keras mask says which.

    The paper trains with Adam, at a learning rate of 2e-4 with a warm-up of 10,000 steps and a
    cosine decay, for 1 million steps of 4096 images of JFT-300M; after 100,000 steps the returns
    diminished, and images of ImageNet gave similar gains. So B/16 reaches 79.9 % on ImageNet, 2 %
    more than from scratch, and 4 % less than with labels (section 4.6).

    Args:
        model: A `ViT`, with its top or without.
        rate: Share of the patches that are corrupted: `layers.PatchCorruption`. Paper: 0.5; 0.15
            was slightly worse.
        target: What of a patch is predicted, as `patch_targets` gives it: `"color"`, the
            probabilities of the 512 colours that its mean may have; `"4x4"`, the same of each of
            16 cells; `"pixels"`, all its pixels. Paper: `"color"`, the best by few-shot accuracy;
            all worked quite well, the third, by squared errors, slightly worse.
        seed: Seed of the corruption.
        name: Name of the new model. Default: the model's and `_masked`.

    Returns:
        A functional `keras.Model` from images to predictions `(batch, N, 512)`,
        `(batch, 16 N, 512)` or `(batch, N, P^2 C)`, of the `N` patches row by row.

    Raises:
        ValueError: If `model` is not a `ViT`, or its patches have not four cells a side.

    Example:

    ```python
    import numpy as np

    from keras_classics.applications import ViT, vit

    images = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 3)).astype("float32")
    model = ViT("Mini/8", input_shape=(32, 32, 3), classes=10)
    masked = vit.masked(model, seed=0)
    masked.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    masked.fit(images, vit.patch_targets(images, 8), verbose=0)
    tuned = vit.fine_tune(model, classes=10, input_shape=(32, 32, 3))
    ```
    """
    embedding = next((la for la in model.layers if isinstance(la, PatchEmbedding)), None)
    norm = next((la for la in model.layers if la.name == "encoder_norm"), None)
    if any(isinstance(layer, PatchCorruption) for layer in model.layers):
        raise ValueError(MASKED.format(model.name))
    if embedding is None or norm is None:
        raise ValueError(
            f"`model` must be a ViT.{models_within(model)} Received: {model.name!r} with the "
            f"layers {', '.join(layer.name for layer in model.layers)}"
        )
    side, channels = model.input_shape[1] // embedding.grid[0], model.input_shape[3]
    cells = _cells(target, side, channels)
    corruption = PatchCorruption(rate, seed=seed, name="patch_corruption")
    x, corrupted = corruption(embedding.output, always=True, return_corrupted=True)
    path = [node.operation for node in nodes(model.outputs)]
    last = max(i for i, la in enumerate(path) if isinstance(la, TransformerEncoderBlock))
    for layer in path[path.index(embedding) + 1 : last + 1]:
        x = layer(x)
    n = math.prod(embedding.grid)
    x = norm(x[:, -n:])  # without the class token
    if target == "pixels":
        x = _head(side * side * channels, None)(x)
    else:
        x = _head(cells**2 * LEVELS**3, None)(x)
        x = layers.Reshape((n * cells**2, LEVELS**3), dtype="float32", name="cells")(x)
        x = layers.Softmax(dtype="float32", name="colors")(x)
        corrupted = ops.repeat(corrupted, cells**2, axis=1)
    x = _Counted(dtype="float32", name="corrupted")([x, corrupted])
    return keras.Model(model.input, x, name=name or f"{model.name}_masked")


@arguments(images=ARRAY, target=one_of(*TARGETS))
def patch_targets(images: Any, patch_size: int, target: str = "color") -> Any:
    """What a `masked` network is to predict (appendix B.1.2).

    A colour is the mean over a patch, or over a cell of it. Of each channel it has 3 bits: the
    range from -1 to 1 in eight equal steps. With the steps `r`, `g`, `b` it is the number
    `64 r + 8 g + b`.

    Args:
        images: `(batch, height, width, channels)`, from -1 to 1, as the network takes them.
        patch_size: `P`, pixels of the image.
        target: `"color"`, of each patch; `"4x4"`, of each cell of 4x4 in a patch; `"pixels"`, the
            pixels of each patch.

    Returns:
        A tensor: int32 `(batch, N)` or `(batch, 16 N)`, for the loss
        `"sparse_categorical_crossentropy"`; or `(batch, N, P^2 C)`, for `"mse"`. Patches, and the
        cells in each, come row by row.

    Raises:
        ValueError: If images are integers, there are no whole patches or cells, or a colour has
            not three channels.

    Example:

    ```python
    import numpy as np

    from keras_classics.applications import vit

    white = np.ones((1, 8, 8, 3), "float32")
    print(vit.patch_targets(white, 4))  # four times 511
    ```
    """
    if isinstance(images, np.ndarray) and images.dtype.kind == "f" and not _within_one(images):
        raise ValueError(
            "`images` must be numbers from -1 to 1, as the network takes them: x / 127.5 - 1 of "
            f"pixels. Received: numbers from {images.min()} to {images.max()}"
        )
    images = ops.convert_to_tensor(images)
    if not keras.backend.is_float_dtype(images.dtype):
        raise ValueError(
            "`images` must be numbers from -1 to 1, as the network takes them: x / 127.5 - 1 of "
            f"pixels. Received: images of type {keras.backend.standardize_dtype(images.dtype)}"
        )
    if len(images.shape) != 4 or any(side % patch_size for side in images.shape[1:3]):
        raise ValueError(
            "`images` must be (batch, height, width, channels), with both sides divisible by the "
            f"patch of {patch_size} pixels. Received: the shape {tuple(images.shape)}"
        )
    height, width, channels = images.shape[1:]
    cells = _cells(target, patch_size, channels)
    rows, columns, side = height // patch_size, width // patch_size, patch_size // cells
    x = ops.reshape(images, (-1, rows, cells, side, columns, cells, side, channels))
    x = ops.transpose(ops.mean(x, axis=(3, 6)), (0, 1, 3, 2, 4, 5))
    if target == "pixels":
        return ops.reshape(x, (-1, rows * columns, cells * cells * channels))
    steps = ops.cast(ops.clip(ops.floor((x + 1) * (LEVELS / 2)), 0, LEVELS - 1), "int32")
    colors = (steps[..., 0] * LEVELS + steps[..., 1]) * LEVELS + steps[..., 2]
    return ops.reshape(colors, (-1, rows * columns * cells * cells))


@keras.saving.register_keras_serializable(package="keras_classics")
class _Counted(layers.Layer):
    """Passes predictions on, with a Keras mask of those that count in losses and metrics."""

    def call(self, inputs):
        predictions, _ = inputs
        return predictions

    def compute_mask(self, inputs, mask=None):
        _, counted = inputs
        return counted

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def _cells(target, side, channels):
    """How many cells along each side of a patch have a target of their own."""
    cells = {"color": 1, "4x4": 4, "pixels": side}[target]
    received = f"Received: target={target!r}, patches of {side}x{side}x{channels}"
    if channels != 3 and target != "pixels":
        raise ValueError(f'A colour has three channels; of others take "pixels". {received}')
    if side % cells:
        raise ValueError(f'`target` "4x4" needs patches whose side is divisible by 4. {received}')
    return cells


def _within_one(images):
    """Whether all numbers are from -1 to 1, but for rounding."""
    return not images.size or np.abs(images).max() <= 1 + 1e-3


def _parse(variant):
    """`"R50+B/16"` as `("R50", "B", 16)`."""
    resnet, plus, rest = variant.rpartition("+") if isinstance(variant, str) else ("", "", "")
    size, _, patch = rest.partition("/")
    patch = int(patch) if patch.isdecimal() else 0
    known = patch in RESNETS.get(resnet, ()) if plus else patch > 0
    if size not in SIZES or not known:
        raise ValueError(
            f"`variant` must be one of the sizes {', '.join(SIZES)} and a patch, such as "
            '"B/16" or "H/14", or of a hybrid "R50+B/16", "R50+B/32", "R26+S/32" or "R+Ti/16". '
            f"Received: variant={variant!r}"
        )
    return resnet, size, patch


def _check_sides(input_shape, patch):
    if len(input_shape) != 3 or any(not side or side % patch for side in input_shape[:2]):
        raise ValueError(
            "`input_shape` must be (height, width, channels), with both sides divisible by the "
            f"patch of {patch} pixels. Received: input_shape={input_shape}"
        )


def _position_embeddings(positions, at, depth, grid):
    """What adds position embeddings to the input of each layer: a Keras layer, or `None`."""
    if positions in (None, "relative"):
        if at != "stem":
            raise ValueError(
                '`positions_at` says where positions="1d" or "2d" are added: leave it "stem". '
                f"Received: positions_at={at!r}, positions={positions!r}"
            )
        return [None] * depth

    def embedding(name):  # other libraries have the first of these names alone
        if positions == "2d":
            return PositionEmbedding2D(grid, name=name.replace("embedding", "embedding_2d"))
        return PositionEmbedding(name=name)

    if at == "stem":
        return [embedding("position_embedding")] + [None] * (depth - 1)
    if at == "shared":
        return [embedding("shared_position_embedding")] * depth
    return [embedding(f"position_embedding_{i + 1}") for i in range(depth)]


def _head(classes, activation):
    return layers.Dense(
        classes,
        activation=activation,
        kernel_initializer="zeros",
        dtype="float32",
        name="predictions",
    )


def _resnet(x, counts):
    """The hybrids' ResNet, with group normalization and standardized kernels."""
    x = _norm(_convolution(x, 64, 7, 2, "conv_root"), "conv_root")
    x = layers.Activation("relu", name="conv_root_relu")(x)
    x = layers.MaxPooling2D(3, 2, "same", "channels_last", name="pool_root")(x)
    for stage, count in enumerate(counts, start=2):
        for i in range(1, count + 1):
            stride = 2 if i == 1 and stage > 2 else 1
            x = _bottleneck(x, 64 * 2 ** (stage - 2), stride, f"conv{stage}_{i}")
        x = layers.Identity(name=f"conv{stage}_x")(x)
    return x


def _bottleneck(x, width, stride, name):
    """As in ResNet, but that the 3x3 convolution has the stride."""
    y = _norm(_convolution(x, width, 1, 1, f"{name}_conv1"), f"{name}_conv1")
    y = layers.Activation("relu", name=f"{name}_conv1_relu")(y)
    y = _norm(_convolution(y, width, 3, stride, f"{name}_conv2"), f"{name}_conv2")
    y = layers.Activation("relu", name=f"{name}_conv2_relu")(y)
    # With a gamma of 0, an untrained block is its shortcut.
    y = _convolution(y, 4 * width, 1, 1, f"{name}_conv3")
    y = _norm(y, f"{name}_conv3", gamma_initializer="zeros")
    if stride != 1 or x.shape[-1] != 4 * width:
        x = _norm(_convolution(x, 4 * width, 1, stride, f"{name}_shortcut"), f"{name}_shortcut")
    return layers.Activation("relu", name=name)(layers.Add(name=f"{name}_add")([x, y]))


def _convolution(x, filters, size, stride, name):
    return StandardizedConv2D(filters, size, stride, kernel_initializer="lecun_normal", name=name)(
        x
    )


def _norm(x, name, **initial):
    return layers.GroupNormalization(32, -1, 1e-6, name=f"{name}_gn", **initial)(x)


ViTTi16 = typed(ViT, "Ti/16")
ViTS16 = typed(ViT, "S/16")
ViTS32 = typed(ViT, "S/32")
ViTB16 = typed(ViT, "B/16")
ViTB32 = typed(ViT, "B/32")
ViTL16 = typed(ViT, "L/16")
ViTL32 = typed(ViT, "L/32")
ViTH14 = typed(ViT, "H/14")
