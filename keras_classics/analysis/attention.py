"""What a Transformer attends to, in numbers (Dosovitskiy et al., 2021, section 4.5)."""

import keras
import numpy as np
from keras import layers, ops

from keras_classics.layers import (
    MultiHeadSelfAttention,
    PatchEmbedding,
    PositionEmbedding,
    TransformerEncoderBlock,
)

ATTENTION = (MultiHeadSelfAttention, TransformerEncoderBlock, layers.MultiHeadAttention)
GRAPHS = (keras.Sequential, keras.Function)


def attention_maps(model, images, batch_size=8):
    """The attention of every layer and head, `A` of `MultiHeadSelfAttention`.

    Of `TransformerEncoderBlock`, `MultiHeadSelfAttention` and Keras's `MultiHeadAttention`,
    in models within the model too, but not inside of other layers. The network is computed
    once, and does not change: what reads the scores are no new layers of it.

    Args:
        model: A functional model, or a sequential one that is built.
        images: Array `(images, height, width, channels)`, or whatever `model` takes.
        batch_size: Images that are computed at once.

    Returns:
        `{layer's name: scores}` in the order of depth, float32 arrays `(images, heads, N, N)`
        whose rows are the tokens that read, and sum to 1. A layer that is applied again is
        `name:2`. ViT-B/16 gives 22 MB an image, L/16 60 MB.

    Raises:
        ValueError: if the layers of `model` are not known or none of them attends.
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            "`model` must be a functional model, or a sequential one that was built: of others, "
            f"Keras does not know how the layers connect. Received: model={model!r}"
        )
    find(model, ATTENTION)
    reader = _Reader(model)
    scores = reader.predict(images, batch_size, verbose=0)
    return dict(zip(reader.names, scores, strict=True))


class _Reader(keras.Model):
    """A model's layers, asked for their scores as they are computed."""

    def __init__(self, model):
        super().__init__(autocast=False, name="reader")
        self.model = model

    def call(self, images):
        scores = {}

        def run(model, inputs, **_):
            graph = model._functional if isinstance(model, keras.Sequential) else model
            pairs = zip(keras.tree.flatten(inputs), graph.inputs, strict=True)
            inputs = [ops.cast(x, like.dtype) for x, like in pairs]
            return graph._run_through_graph(inputs, operation_fn=asked)

        def asked(layer):
            if isinstance(layer, GRAPHS):
                return lambda *args, **kwargs: run(layer, *args, **kwargs)
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

        run(self.model, images)
        self.names = tuple(scores)  # JAX would sort a dict
        return list(scores.values())


def attention_rollout(maps, grid=None):
    """How much of each token of the input is in each token of the output.

    Attention is averaged over the heads, and half of each layer is its shortcut (Abnar &
    Zuidema, 2020, section 3): with `A_l` the mean of layer `l`,

        R = (A_L + I) / 2 ... (A_2 + I) / 2 (A_1 + I) / 2

    Appendix D.8 of the ViT, for figure 6, names the mean and the product, but not the shortcut.

    Args:
        maps: As `attention_maps` returns them, the layers in the order of depth.
        grid: `(rows, columns)` of the patches. Default: all tokens.

    Returns:
        `R`, a float32 array `(images, N, N)`, whose rows sum to 1; with a grid what the class
        token has of the patches, `(images, rows, columns)`. Without class token (appendix D.3
        averages the tokens) it is the mean over all.

    References: Abnar & Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020;
    Dosovitskiy et al., ICLR 2021, appendix D.8.
    """
    rollout = np.eye(next(iter(maps.values())).shape[-1], dtype="float32")
    for scores in maps.values():
        rollout = (scores.mean(axis=1) @ rollout + rollout) / 2
    return rollout if grid is None else patches_read(rollout, grid)


def patches_read(weights, grid):
    """The weights of the patches in the class token, or without one their mean over all tokens.

    Args:
        weights: Array `(..., N, N)`, the reading tokens in the rows.
        grid: `(rows, columns)` of the patches.

    Returns:
        An array `(..., rows, columns)`.
    """
    read = weights[..., 0, 1:] if _has_class_token(weights, grid) else weights.mean(axis=-2)
    return read.reshape(*weights.shape[:-2], *grid)


def mean_attention_distance(maps, grid, patch_size):
    """How far the patches look, on average, by layer and head (figure 7 right, figure 11).

    With `A_pq` the attention of patch `p` to patch `q`, and `d_pq` the distance of their
    centres in pixels, the mean over all images and patches `p` of

        sum_q A_pq d_pq / sum_q A_pq

    The paper is silent on the class token: it has no place, and is left out, as a reader and
    among what is read. Hence the division: a patch that reads the class token much does not
    look nearer by it.

    Args:
        maps: As `attention_maps` returns them.
        grid: `(rows, columns)` of the patches.
        patch_size: Side of a patch, pixels. A hybrid's is 16 or 32, those that a pixel of its
            maps stands for.

    Returns:
        An array `(layers, heads)`, pixels. Attention to all alike gives the mean of all
        distances, 0 to itself included: 116 pixels at 14 x 14 patches of 16.

    Reference: Dosovitskiy et al., ICLR 2021, section 4.5 and appendix D.7.
    """
    places = np.indices(grid).reshape(2, -1)
    distances = patch_size * np.hypot(*(places[:, :, None] - places[:, None]))
    means = []
    for scores in maps.values():
        if _has_class_token(scores, grid):
            scores = scores[..., 1:, 1:]
        far = np.einsum("ihpq,pq->ihp", scores, distances)
        # A patch that attends to the class token alone has no distance.
        with np.errstate(invalid="ignore"):
            means.append(np.nanmean(far / scores.sum(axis=-1), axis=(0, 2)))
    return np.stack(means)


def position_similarity(model):
    """The cosine of the position embeddings of each two patches (figure 7 centre).

    Args:
        model: A model with a `PatchEmbedding` and a `PositionEmbedding`.

    Returns:
        A float32 array `(rows, columns, rows, columns)`; the class token is left out.
    """
    grid = find(model, PatchEmbedding).grid
    x = _values(find(model, PositionEmbedding).embeddings)[-np.prod(grid) :]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return (x @ x.T).reshape(*grid, *grid)


def embedding_filters(model, components=28):
    """The principal components of the filters of the patch embedding (figure 7 left).

    The `D` filters are the samples, of `P^2 C` values each, and centred.

    Args:
        model: A model with a `PatchEmbedding`.
        components: Number of components, at most. Paper: 28.

    Returns:
        A float32 array `(components, P, P, C)`, the largest variance first, each on a scale of
        its own around 0.5: the farthest value from 0 is 1. (A component's sign is arbitrary.)
    """
    kernel = _values(find(model, PatchEmbedding).kernel)  # (P, P, C, D)
    filters = kernel.reshape(-1, kernel.shape[-1]).T  # (D, P^2 C)
    found = np.linalg.svd(filters - filters.mean(axis=0), full_matrices=False)[2][:components]
    farthest = np.take_along_axis(found, np.abs(found).argmax(axis=1, keepdims=True), axis=1)
    return (0.5 + found / (2 * farthest)).reshape(-1, *kernel.shape[:-1])


def find(model, kind):
    """The first layer of a class in a model, or in the models within it."""
    layer = next((layer for layer in _layers(model) if isinstance(layer, kind)), None)
    if layer is None:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise ValueError(
            f"`model` must have a layer {' or '.join(k.__name__ for k in kinds)}. Received: "
            f"{model.name!r} with the layers {', '.join(layer.name for layer in model.layers)}"
        )
    return layer


def _layers(model):
    for layer in model.layers:
        yield from _layers(layer) if isinstance(layer, GRAPHS) else [layer]


def _has_class_token(weights, grid):
    n, patches = weights.shape[-1], int(np.prod(grid))
    if n not in (patches, patches + 1):
        raise ValueError(
            "`grid` must be the rows and columns of the patches, which are all tokens or all but "
            f"the class token. Received: grid={tuple(grid)} for {n} tokens"
        )
    return n > patches


def _values(weight):
    return np.array(ops.convert_to_numpy(weight), "float32")
