"""What a Transformer attends to, in numbers (Dosovitskiy et al., 2021, section 4.5)."""

import keras
import numpy as np
from keras import layers, ops

from keras_classics import graphs
from keras_classics.checks import ARRAYS, COUNT, arguments
from keras_classics.layers import (
    MultiHeadSelfAttention,
    PatchEmbedding,
    PositionEmbedding,
    PositionEmbedding2D,
    TransformerEncoderBlock,
)

ATTENTION = (MultiHeadSelfAttention, TransformerEncoderBlock, layers.MultiHeadAttention)
POSITIONS = (PositionEmbedding, PositionEmbedding2D)


@arguments(batch_size=COUNT)
def attention_maps(
    model: keras.Model, images: np.ndarray, batch_size: int = 8
) -> dict[str, np.ndarray]:
    """Computes the attention of every layer and head, `A` of `MultiHeadSelfAttention`.

    The layers are `TransformerEncoderBlock`, `MultiHeadSelfAttention` and Keras's
    `MultiHeadAttention`, also those in models within the model, but not those inside of other
    layers. The network is computed once and does not change: it gets no new layers.

    Args:
        model: A functional model, or a sequential one that is built.
        images: Array `(images, height, width, channels)`, or whatever `model` takes.
        batch_size: Images that are computed at once.

    Returns:
        `{layer's name: scores}` in the order of depth. Scores are float32 arrays
        `(images, heads, N, N)`. A row belongs to the token that reads, and sums to 1. A layer
        that is applied again has the name `name:2`. ViT-B/16 gives 22 MB an image, L/16 60 MB.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or none of them attends.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("vit_mini4", input_shape=(32, 32, 3), classes=10)
    maps = kc.analysis.attention_maps(model, np.random.uniform(-1, 1, (2, 32, 32, 3)))
    print(maps["encoder_block_1"].shape)  # (2, 4, 65, 65): 64 patches and the class token
    ```
    """
    graphs.check_connected(model)
    find(model, ATTENTION)
    reader = _Reader(model)
    scores = reader.predict(images, batch_size, verbose=0)
    return dict(zip(reader.names, scores, strict=True))


class _Reader(keras.Model):
    """A model that runs the layers of another one, and returns their attention scores."""

    def __init__(self, model):
        super().__init__(autocast=False, name="reader")
        self.model = model

    def call(self, images):
        scores = {}

        def asked(layer):
            if isinstance(layer, ATTENTION):
                return lambda *args, **kwargs: read(layer, *args, **kwargs)
            return layer

        def read(layer, *args, return_attention_scores=False, **kwargs):
            x, found = layer(*args, return_attention_scores=True, **kwargs)
            name, calls = layer.name, 1
            while name in scores:
                calls += 1
                name = f"{layer.name}:{calls}"
            scores[name] = ops.cast(found, "float32")
            return (x, found) if return_attention_scores else x

        graphs.run(self.model, images, asked)
        self.names = tuple(scores)  # JAX would sort a dict
        return list(scores.values())


@arguments(maps=ARRAYS)
def attention_rollout(
    maps: dict[str, np.ndarray], grid: tuple[int, int] | None = None
) -> np.ndarray:
    """Computes how much of each token of the input is in each token of the output.

    Attention is averaged over the heads. The shortcut is half of each layer (Abnar & Zuidema,
    2020, section 3). With `A_l` the mean attention of layer `l`,

        R = (A_L + I) / 2 ... (A_2 + I) / 2 (A_1 + I) / 2

    Appendix D.8 of the ViT, for figure 6, names the mean and the product, but not the shortcut.

    Args:
        maps: As `attention_maps` returns them, the layers in the order of depth.
        grid: `(rows, columns)` of the patches. Default: all tokens.

    Returns:
        `R`, a float32 array `(images, N, N)` whose rows sum to 1. With a grid, the shares of the
        patches in the class token, `(images, rows, columns)`; without a class token (appendix
        D.3 averages the tokens) their mean over all tokens.

    Raises:
        ValueError: If the grid does not have as many patches as there are tokens.

    Example:

    ```python
    import numpy as np

    from keras_classics.analysis import attention_rollout

    even = np.full((1, 2, 5, 5), 1 / 5, "float32")  # 1 image, 2 heads, class token, 4 patches
    rollout = attention_rollout({"block_1": even, "block_2": even}, grid=(2, 2))
    print(rollout.round(2))  # 0.15 of each patch
    ```

    References: Abnar & Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020;
    Dosovitskiy et al., ICLR 2021, appendix D.8.
    """
    rollout = np.eye(next(iter(maps.values())).shape[-1], dtype="float32")
    for scores in maps.values():
        rollout = (scores.mean(axis=1) @ rollout + rollout) / 2
    return rollout if grid is None else patches_read(rollout, grid)


def patches_read(weights, grid):
    """Takes the weights of the patches that the class token reads.

    Without a class token, it takes their mean over all tokens.

    Args:
        weights: Array `(..., N, N)`, the reading tokens in the rows.
        grid: `(rows, columns)` of the patches.

    Returns:
        An array `(..., rows, columns)`.
    """
    read = (
        weights[..., 0, 1:] if has_class_token(weights.shape[-1], grid) else weights.mean(axis=-2)
    )
    return read.reshape(*weights.shape[:-2], *grid)


@arguments(maps=ARRAYS)
def mean_attention_distance(
    maps: dict[str, np.ndarray], grid: tuple[int, int], patch_size: int
) -> np.ndarray:
    """Computes how far the patches look, by layer and head (figure 7 right, figure 11).

    With `A_pq` the attention of patch `p` to patch `q`, and `d_pq` the distance of their
    centres in pixels, it is the mean over all images and patches `p` of

        sum_q A_pq d_pq / sum_q A_pq

    The paper is silent on the class token. It has no place in the image, and is left out, both
    as a reader and among what is read. Hence the division: without it, a patch that reads the
    class token much would seem to look nearer.

    Args:
        maps: As `attention_maps` returns them.
        grid: `(rows, columns)` of the patches.
        patch_size: Side of a patch in pixels. For a hybrid, the pixels that one position of its
            feature maps stands for, 16 or 32.

    Returns:
        An array `(layers, heads)`, pixels. Attention to all patches alike gives the mean of all
        distances, 0 to itself included: 116 pixels for 14 x 14 patches of 16.

    Raises:
        ValueError: If the grid does not have as many patches as there are tokens.

    Example:

    ```python
    import numpy as np

    from keras_classics.analysis import mean_attention_distance

    even = np.full((1, 3, 5, 5), 1 / 5, "float32")  # 1 image, 3 heads, class token, 4 patches
    distances = mean_attention_distance({"block_1": even}, grid=(2, 2), patch_size=16)
    print(distances.round(1))  # [[13.7 13.7 13.7]] pixels
    ```

    Reference: Dosovitskiy et al., ICLR 2021, section 4.5 and appendix D.7.
    """
    places = np.indices(grid).reshape(2, -1)
    distances = patch_size * np.hypot(*(places[:, :, None] - places[:, None]))
    means = []
    for scores in maps.values():
        if has_class_token(scores.shape[-1], grid):
            scores = scores[..., 1:, 1:]
        far = np.einsum("ihpq,pq->ihp", scores, distances)
        # A patch that attends to the class token alone has no distance.
        with np.errstate(invalid="ignore"):
            means.append(np.nanmean(far / scores.sum(axis=-1), axis=(0, 2)))
    return np.stack(means)


@arguments()
def position_similarity(model: keras.Model) -> np.ndarray:
    """Computes the cosine of the position embeddings of each two patches (figure 7 centre).

    Args:
        model: A model with a `PatchEmbedding`, and a `PositionEmbedding` or `PositionEmbedding2D`.

    Returns:
        A float32 array `(rows, columns, rows, columns)`; the class token is left out.

    Raises:
        ValueError: If the model lacks one of these layers.

    Example:

    ```python
    import keras_classics as kc

    model = kc.build("vit_mini4", input_shape=(32, 32, 3), classes=10)
    print(kc.analysis.position_similarity(model).shape)  # (8, 8, 8, 8)
    ```
    """
    grid = find(model, PatchEmbedding).grid
    x = _values(find(model, POSITIONS).embeddings)[-np.prod(grid) :]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return (x @ x.T).reshape(*grid, *grid)


@arguments(components=COUNT)
def embedding_filters(model: keras.Model, components: int = 28) -> np.ndarray:
    """Computes the principal components of the patch embedding's filters (figure 7 left).

    The `D` filters are the samples, of `P^2 C` values each. Their mean is subtracted.

    Args:
        model: A model with a `PatchEmbedding`.
        components: Number of components, at most. Paper: 28.

    Returns:
        A float32 array `(components, P, P, C)`, the largest variance first. Each component has
        a scale of its own: 0 becomes 0.5, and the value farthest from 0 becomes 1. (The sign of
        a component is arbitrary.)

    Raises:
        ValueError: If the model has no `PatchEmbedding`.

    Example:

    ```python
    import keras_classics as kc

    model = kc.build("vit_mini4", input_shape=(32, 32, 3), classes=10)
    print(kc.analysis.embedding_filters(model, components=7).shape)  # (7, 4, 4, 3)
    ```
    """
    kernel = _values(find(model, PatchEmbedding).kernel)  # (P, P, C, D)
    filters = kernel.reshape(-1, kernel.shape[-1]).T  # (D, P^2 C)
    found = np.linalg.svd(filters - filters.mean(axis=0), full_matrices=False)[2][:components]
    farthest = np.take_along_axis(found, np.abs(found).argmax(axis=1, keepdims=True), axis=1)
    return (0.5 + found / (2 * farthest)).reshape(-1, *kernel.shape[:-1])


def find(model, kind):
    """Finds the first layer of a class in a model, or in the models within it."""
    layer = next((layer for layer in layers_of(model) if isinstance(layer, kind)), None)
    if layer is None:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise ValueError(
            f"`model` must have a layer {' or '.join(k.__name__ for k in kinds)}."
            f"{graphs.models_within(model)} Received: "
            f"{model.name!r} with the layers {', '.join(layer.name for layer in model.layers)}"
        )
    return layer


def layers_of(model):
    """The layers of a model, and of the models within it."""
    for layer in model.layers:
        yield from layers_of(layer) if isinstance(layer, graphs.GRAPHS) else [layer]


def has_class_token(n, grid):
    """Whether `n` tokens are the patches of a grid and one more."""
    patches = int(np.prod(grid))
    if n not in (patches, patches + 1):
        raise ValueError(
            "`grid` must be the rows and columns of the patches, which are all tokens or all but "
            f"the class token. Received: grid={tuple(grid)} for {n} tokens"
        )
    return n > patches


def _values(weight):
    return np.array(ops.convert_to_numpy(weight), "float32")
