import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.initializers import SinusoidalPositions
from keras_classics.layers import PositionEmbedding, resize_positions


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_values(gradients):
    layer, x = PositionEmbedding(), random(3, 4, 5)
    layer.build(x.shape)
    layer.set_weights([random(4, 5, seed=1)])
    y = ops.convert_to_numpy(layer(x))
    for b, n in np.ndindex(3, 4):
        np.testing.assert_allclose(y[b, n], x[b, n] + random(4, 5, seed=1)[n], rtol=1e-6)
    uneven = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
    np.testing.assert_allclose(gradients(layer, x)[1], uneven.sum(0), rtol=1e-6)


def test_start():
    layer = PositionEmbedding()
    layer.build((None, 197, 768))
    (e,) = layer.get_weights()
    np.testing.assert_allclose(e.std(), 0.02, rtol=0.01)
    np.testing.assert_allclose(e.mean(), 0, atol=2e-4)


def test_the_transformers_own():
    layer = PositionEmbedding(SinusoidalPositions(), trainable=False)
    y = ops.convert_to_numpy(layer(np.zeros((1, 6, 4), "float32")))
    np.testing.assert_allclose(y[0], ops.convert_to_numpy(SinusoidalPositions()((6, 4))))
    assert not layer.trainable_weights
    assert np.abs(y[0, 1:]).min() > 1e-3


def test_a_mask_is_passed_on():
    embed = keras.layers.Embedding(5, 6, mask_zero=True)
    pool = keras.layers.GlobalAveragePooling1D("channels_last")
    layer, words = PositionEmbedding(), np.array([[3, 1, 0], [2, 0, 0]])
    y = ops.convert_to_numpy(pool(layer(embed(words))))
    tokens = ops.convert_to_numpy(embed(words)) + layer.get_weights()[0]
    expected = [tokens[0, :2].mean(0), tokens[1, 0]]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-7)


def test_number_of_positions_must_be_known():
    with pytest.raises(ValueError, match=r"must be known.*input_shape=\(None, None, 5\)"):
        PositionEmbedding()(keras.Input((None, 5)))
    with pytest.raises(ValueError, match="expected ndim=3"):
        PositionEmbedding()(random(2, 5))


# Tokens before the grid, the old grid, the new one.
RESIZES = [
    (1, (14, 14), (24, 24)),
    (1, (5, 5), (3, 2)),
    (0, (4, 4), (7, 5)),
    (1, (2, 6), (5, 3)),
    (2, (3, 4), (1, 9)),
    (0, (1, 3), (2, 2)),
    (1, (4, 4), (4, 6)),
]


@pytest.mark.parametrize(("tokens", "old", "new"), RESIZES, ids=str)
def test_resize_is_that_of_the_release(tokens, old, new):
    ndimage = pytest.importorskip("scipy.ndimage")
    x = random(tokens + old[0] * old[1], 6)
    square = old[0] == old[1] and tokens < 2
    y = resize_positions(x, new, *[] if square else [old])
    factors = (new[0] / old[0], new[1] / old[1], 1)
    grid = ndimage.zoom(x[tokens:].reshape(*old, 6), factors, order=1)
    assert grid.shape == (*new, 6)
    assert y.dtype == "float32"
    np.testing.assert_array_equal(y[:tokens], x[:tokens])
    np.testing.assert_allclose(y[tokens:], grid.reshape(-1, 6), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("tokens", "old", "new"), RESIZES, ids=str)
def test_resize_by_hand(tokens, old, new):
    """Between its four neighbours, each weighted by its nearness; corners lie on corners."""
    x = random(tokens + old[0] * old[1], 2)
    y = resize_positions(x, new, old)
    assert y.shape == (tokens + new[0] * new[1], 2)
    for r, c in np.ndindex(*new):
        at = [
            i * (o - 1) / (n - 1) if n > 1 else 0 for i, o, n in zip((r, c), old, new, strict=True)
        ]
        expected = sum(
            max(0, 1 - abs(at[0] - i)) * max(0, 1 - abs(at[1] - j)) * x[tokens + i * old[1] + j]
            for i, j in np.ndindex(*old)
        )
        np.testing.assert_allclose(y[tokens + r * new[1] + c], expected, rtol=1e-4, atol=1e-5)


def test_the_same_grid_is_the_same():
    for tokens, grid, old in [(1, (7, 7), None), (0, (5, 5), None), (1, (3, 8), (3, 8))]:
        x = random(tokens + grid[0] * grid[1], 4)
        np.testing.assert_array_equal(resize_positions(x, grid, old), x)


def test_a_layer_resizes_its_own():
    layer = PositionEmbedding()
    layer.build((None, 1 + 6, 4))
    expected = resize_positions(layer.get_weights()[0], (4, 5), (2, 3))
    np.testing.assert_array_equal(layer.resize((4, 5), (2, 3)), expected)


def test_grids_that_do_not_fit():
    with pytest.raises(ValueError, match="grid of the 9 positions.*Received: old_grid=\\(2, 5\\)"):
        resize_positions(random(9, 4), (2, 2), (2, 5))
    with pytest.raises(ValueError, match="grid of the 7 positions.*Received: old_grid=None"):
        resize_positions(random(7, 4), (2, 2))
    with pytest.raises(ValueError, match=r"`grid` must.*Received: grid=\(0, 2\)"):
        resize_positions(random(5, 4), (0, 2))


@pytest.mark.parametrize("n", [1, 4, 7])
def test_another_number_of_positions_is_refused(n):
    layer = PositionEmbedding()
    layer.build((None, 5, 4))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 5, 4\)"):
        layer(random(2, n, 4))
