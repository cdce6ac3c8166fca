"""Pictures of what a Transformer attends to and has learned, as figures 6 and 7 of the ViT."""

from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_classics.analysis.attention import (
    POSITIONS,
    attention_maps,
    attention_rollout,
    embedding_filters,
    find,
    layers_of,
    mean_attention_distance,
    patches_read,
    position_similarity,
)
from keras_classics.analysis.overlays import overlay
from keras_classics.analysis.page import (
    INK,
    colour_bar,
    light,
    new_page,
    panel,
    rgb,
    show,
    style,
    write,
)
from keras_classics.checks import ARRAY, ARRAYS, COUNT, arguments
from keras_classics.layers import PatchEmbedding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "what the network's output attends to, by attention rollout"
SIDE = 14  # patches in a row of `position_similarities`, at most


@arguments(maps=ARRAYS)
def attention_heads(
    image: np.ndarray, maps: dict[str, np.ndarray], grid: tuple[int, int]
) -> "Figure":
    """Draws what the class token reads of one image, by layer (rows) and head (columns).

    Without a class token, it is the mean of what all tokens read. Each map has a scale of its
    own, from 0 (white) to its largest weight (black).

    Args:
        image: Array `(height, width, channels)`, one input of the network, grey or RGB.
        maps: As `attention_maps` returns them, of images of which this is the first.
        grid: `(rows, columns)` of the patches.

    Returns:
        A `matplotlib.figure.Figure`.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("vit_mini4", input_shape=(32, 32, 3), classes=10)
    images = np.random.uniform(-1, 1, (1, 32, 32, 3))
    maps = kc.analysis.attention_maps(model, images)
    kc.analysis.attention_heads(images[0], maps, grid=(8, 8)).savefig("heads.png")
    ```
    """
    heads = max(scores.shape[1] for scores in maps.values())
    left, top, aspect = 2.1, 0.95, grid[0] / grid[1]
    pitch = min(0.8, 0.8 / aspect, 7.6 / heads)
    rise = pitch * aspect
    page = new_page(top + 0.2 + max(len(maps) * rise, 1.2 * aspect))
    write(page, 0.3, 0.35, "attention to the patches, by layer (rows) and head (columns)")
    show(page, rgb(light(image)), (0.3, top, 1.2, 1.2 * aspect), (0, 1))
    for head in range(heads):
        write(page, left + (head + 0.47) * pitch, top - 0.15, head + 1, 11, "center")
    for row, scores in enumerate(maps.values()):
        y = top + row * rise
        write(page, left - 0.1, y + 0.47 * rise, row + 1, 11, "right")
        for head, weights in enumerate(patches_read(scores[0], grid)):
            box = (left + head * pitch, y, 0.94 * pitch, 0.94 * rise)
            show(page, weights, box, (0, weights.max()))
    return page.figure


@arguments(distances=ARRAY)
def attention_distances(distances: np.ndarray) -> "Figure":
    """Draws how far each head looks, over the depth of the network (figure 7 right).

    Args:
        distances: As `mean_attention_distance` returns them, `(layers, heads)`, pixels.

    Returns:
        A `matplotlib.figure.Figure`.

    Example:

    ```python
    import numpy as np

    from keras_classics.analysis import attention_distances

    figure = attention_distances(np.random.uniform(10, 120, (12, 3)))  # 12 layers, 3 heads
    figure.savefig("distances.png")
    ```
    """
    page = new_page(4.6)
    axes = panel(page, 0.8, 0.6, 8.8, 3.3)
    depth = np.arange(1, len(distances) + 1)
    axes.plot(depth, distances, "o", color=INK, alpha=0.5, markersize=6, markeredgewidth=0)
    axes.set_title(
        "mean attention distance, pixels: a dot for each head", fontsize=12, color=INK, loc="left"
    )
    axes.set_xlabel("layer", fontsize=12, color=INK)
    axes.set_ylim(0, 1.08 * distances.max() or 1)
    axes.set_xlim(0.5, len(distances) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    style(axes)
    return page.figure


@arguments()
def position_similarities(model: keras.Model) -> "Figure":
    """Draws the cosine of each patch's position embedding with all others (figure 7 centre).

    A tile belongs to the patch at its row and column, and shows all patches that this one is
    compared with. There are 14 rows and columns of tiles at most: of a larger grid, not every
    patch has a tile.

    Args:
        model: A model with a `PatchEmbedding`, and a `PositionEmbedding` or `PositionEmbedding2D`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the model lacks one of these layers.

    Example:

    ```python
    import keras_classics as kc

    model = kc.build("vit_mini4", input_shape=(32, 32, 3), classes=10)
    kc.analysis.position_similarities(model).savefig("positions.png")
    ```
    """
    similarity = position_similarity(model)
    rows, columns = similarity.shape[:2]
    tiles = [np.linspace(0, n - 1, min(n, SIDE)).round().astype(int) for n in (rows, columns)]
    pitch = min(7.6 / len(tiles[1]), 7.6 * columns / (rows * len(tiles[0])), 1.5)
    left, rise = 1.0, pitch * rows / columns
    bottom = 0.7 + len(tiles[0]) * rise
    page = new_page(bottom + 0.75)
    write(page, 0.3, 0.35, "cosine of the position embeddings of each two patches")
    for i, row in enumerate(tiles[0]):
        y = 0.7 + i * rise
        write(page, left - 0.1, y + 0.47 * rise, row + 1, 11, "right")
        for j, column in enumerate(tiles[1]):
            box = (left + j * pitch, y, 0.94 * pitch, 0.94 * rise)
            shown = show(page, similarity[row, column], box, (-1, 1), "RdBu_r")
    for j, column in enumerate(tiles[1]):
        write(page, left + (j + 0.47) * pitch, bottom + 0.1, column + 1, 11, "center")
    write(page, left + 0.47 * len(tiles[1]) * pitch, bottom + 0.4, "patch column", 12, "center")
    page.text(
        0.4, (0.7 + bottom) / 2, "patch row", fontsize=12, color=INK, rotation=90, va="center"
    )
    colour_bar(page, shown, left + len(tiles[1]) * pitch + 0.2, 0.7, bottom - 0.7 - 0.06 * rise)
    return page.figure


@arguments(components=COUNT)
def embedding_components(model: keras.Model, components: int = 28) -> "Figure":
    """Draws the principal components of the patch embedding's filters (figure 7 left).

    Args:
        model: A model with a `PatchEmbedding` of grey or RGB images.
        components: Number of components, at most. Paper: 28.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the model has no `PatchEmbedding`.

    Example:

    ```python
    import keras_classics as kc

    model = kc.build("vit_mini4", input_shape=(32, 32, 3), classes=10)
    kc.analysis.embedding_components(model, components=7).savefig("components.png")
    ```
    """
    filters = embedding_filters(model, components)
    n, side, _, channels = filters.shape
    columns = 7  # as in the paper
    pitch = 1.3
    page = new_page(0.8 + -(-n // columns) * pitch)
    title = f"patch_embedding: the first {n} principal components of its filters of {side}x{side}"
    write(page, 0.3, 0.35, title + f"x{channels}" * (channels > 1))
    for k in range(n):
        row, column = divmod(k, columns)
        box = (0.3 + column * pitch, 0.7 + row * pitch, 0.95 * pitch, 0.95 * pitch)
        show(page, rgb(filters[k]), box, (0, 1))
    return page.figure


def of_weights(model):
    """Draws what a network with a `PatchEmbedding` has learned: `{name: figure}`."""
    figures = {}
    if any(isinstance(layer, POSITIONS) for layer in layers_of(model)):
        figures["position_similarities"] = position_similarities(model)
    if find(model, PatchEmbedding).kernel.shape[2] in (1, 3):  # a hybrid's reads feature maps
        figures["embedding_components"] = embedding_components(model)
    return figures


def of_images(model, images, captions=None):
    """Draws what a network with a `PatchEmbedding` attends to: `{name: figure}`."""
    maps, grid = attention_maps(model, images), find(model, PatchEmbedding).grid
    distances = mean_attention_distance(maps, grid, images.shape[1] // grid[0])
    return {
        "attention_overlay": overlay(images, attention_rollout(maps, grid), captions, TITLE),
        "attention_heads": attention_heads(images[0], maps, grid),
        "attention_distances": attention_distances(distances),
    }
