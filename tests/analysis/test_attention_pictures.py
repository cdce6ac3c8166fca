"""What stands in the pictures; their looks are for the eye."""

import keras
import numpy as np
import pytest

from keras_classics.analysis import (
    attention_distances,
    attention_heads,
    attention_maps,
    draw,
    embedding_components,
    embedding_filters,
    position_similarities,
    position_similarity,
)
from keras_classics.layers import PatchEmbedding

pytest.importorskip("matplotlib", reason="needs matplotlib: the extra 'plots'")

HISTORY = {"accuracy": [0.5, 0.9], "val_accuracy": [0.4, 0.8]}
LEARNED = ["learning_curves", "position_similarities"]
SEEN = ["attention_overlay", "attention_heads", "attention_distances"]
rng = np.random.default_rng(0)


def shown(figure):
    """The arrays of a figure's pictures, in the order of drawing."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


@pytest.mark.parametrize(
    ("channels", "class_token", "convolution", "weights"),
    [
        (3, True, False, ["embedding_components"]),
        (1, False, False, ["embedding_components"]),
        (3, True, True, ["kernels"]),  # a hybrid, as R50+B/16 is one
    ],
)
def test_draws_what_applies(transformer, channels, class_token, convolution, weights, tmp_path):
    from matplotlib.image import imread

    shape = (8, 12, channels)
    model = transformer(shape, class_token, convolution)
    assert sorted(path.stem for path in draw(model, HISTORY, tmp_path / "a")) == sorted(
        LEARNED + weights
    )
    images = rng.uniform(-1, 1, (9, *shape)).astype("float32")
    paths = draw(model, HISTORY, tmp_path / "b", images, np.zeros(9))
    assert sorted(path.stem for path in paths) == sorted(LEARNED + weights + SEEN)
    for path in paths:
        picture = imread(path)
        assert picture.shape[0] > 100
        assert picture[..., :3].std() > 0.01  # something is drawn


def test_heads_are_the_class_tokens_rows(transformer):
    model = transformer((8, 12, 3))
    images = rng.uniform(-1, 1, (2, 8, 12, 3))
    maps = attention_maps(model, images)
    picture, *found = shown(attention_heads(images[0], maps, (2, 3)))
    assert picture.shape == (8, 12, 3)
    assert len(found) == 2 * 4
    for k, map_ in enumerate(found):
        scores = maps[f"encoder_block_{k // 4 + 1}"][0, k % 4]
        np.testing.assert_allclose(map_, scores[0, 1:].reshape(2, 3), rtol=1e-6)


def test_distances_of_all_heads():
    distances = rng.uniform(10, 80, (5, 3))
    (axes,) = attention_distances(distances).axes[1:]
    assert len(axes.lines) == 3
    for head, line in enumerate(axes.lines):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(line.get_ydata(), distances[:, head])
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > distances.max()


@pytest.mark.parametrize(("shape", "rows"), [((8, 12), [0, 1]), ((64, 12), [0, 1, 2, 3, 5])])
def test_similarities_are_tiles_of_one_scale(transformer, shape, rows):
    """Of 16 rows, 14 have a tile."""
    model = transformer((*shape, 3))
    figure = position_similarities(model)
    tiles = figure.axes[0].images
    similarity = position_similarity(model)
    assert len(tiles) == min(shape[0] // 4, 14) * 3
    assert {tile.get_clim() for tile in tiles} == {(-1, 1)}
    for i, row in enumerate(rows):
        for column in range(3):
            tile = np.asarray(tiles[3 * i + column].get_array())
            np.testing.assert_array_equal(tile, similarity[row, column])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[1 : 1 + len(rows)] == [str(row + 1) for row in rows]
    assert {"patch row", "patch column"} <= set(texts)


@pytest.mark.parametrize("channels", [1, 3])
def test_components_in_colour_or_grey(transformer, channels):
    model = transformer((8, 12, channels))
    found = shown(embedding_components(model, 9))
    expected = embedding_filters(model, 9)
    assert len(found) == 9
    for picture, filter_ in zip(found, expected, strict=True):
        assert picture.shape == (4, 4, 3)
        np.testing.assert_array_equal(picture, np.broadcast_to(filter_, (4, 4, 3)))


def test_a_network_without_positions(tmp_path):
    image = keras.Input((8, 12, 3))
    model = keras.Model(image, PatchEmbedding(6, 4)(image))
    paths = draw(model, HISTORY, tmp_path)
    assert [path.stem for path in paths] == ["learning_curves", "embedding_components"]
