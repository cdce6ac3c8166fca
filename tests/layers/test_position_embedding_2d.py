"""The embedding of a patch's column and row against its definition."""

import keras
import numpy as np
import pytest

from keras_classics.layers import PositionEmbedding2D


@pytest.mark.parametrize("tokens", [0, 1])
def test_values(tokens):
    """The first half is the column's, the second the row's."""
    rng = np.random.default_rng(0)
    layer, inputs = PositionEmbedding2D((2, 3)), rng.normal(size=(2, tokens + 6, 4))
    layer.build(inputs.shape)
    token, x, y = rng.normal(size=(tokens, 4)), rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    layer.set_weights([token, x, y] if tokens else [x, y])
    found = keras.ops.convert_to_numpy(layer(inputs.astype("float32")))
    expected = np.array(inputs)
    expected[:, :tokens] += token
    for row, column in np.ndindex(2, 3):
        place = tokens + 3 * row + column
        expected[:, place, :2] += x[column]
        expected[:, place, 2:] += y[row]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_starts():
    """Normal, of deviation 0.02; each of the three draws its own."""
    layer = PositionEmbedding2D((40, 40))
    layer.build((None, 1601, 64))
    token, x, y = layer.get_weights()
    assert (token.shape, x.shape, y.shape) == ((1, 64), (40, 32), (40, 32))
    assert x.std() == pytest.approx(0.02, rel=0.1)
    assert (x != y).all()


def test_another_grid():
    """Linear along each axis, and the ends stay."""
    layer = PositionEmbedding2D((2, 3))
    layer.build((None, 7, 4))
    token, x, y = layer.get_weights()
    same, wide, high = layer.resize((3, 5))
    np.testing.assert_array_equal(same, token)
    np.testing.assert_allclose(wide, [x[0], (x[0] + x[1]) / 2, x[1], (x[1] + x[2]) / 2, x[2]], 1e-5)
    np.testing.assert_allclose(high, [y[0], (y[0] + y[1]) / 2, y[1]], 1e-5)


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 7, 5), (2, None, 4)])
def test_wrong_inputs(shape):
    with pytest.raises(ValueError, match="at least the 6 patches of its grid, and an even width"):
        PositionEmbedding2D((2, 3)).build(shape)
