import numpy as np
import pytest
from keras import ops

from keras_classics.layers import ConstantPadding2D


def by_hand(x, top, bottom, left, right, value):
    n, height, width, channels = x.shape
    y = np.empty((n, top + height + bottom, left + width + right, channels))
    for p, row, column, c in np.ndindex(*y.shape):
        inside = top <= row < top + height and left <= column < left + width
        y[p, row, column, c] = x[p, row - top, column - left, c] if inside else value
    return y


@pytest.mark.parametrize(
    ("padding", "sides"),
    [
        (2, (2, 2, 2, 2)),
        ((1, 3), (1, 1, 3, 3)),
        (((1, 2), (3, 0)), (1, 2, 3, 0)),
        ([[0, 4], 1], (0, 4, 1, 1)),
        (0, (0, 0, 0, 0)),
    ],
)
@pytest.mark.parametrize("value", [-1.0, 0.25])
def test_values(padding, sides, value):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 2)).astype("float32")
    y = ops.convert_to_numpy(ConstantPadding2D(padding, value)(x))
    np.testing.assert_array_equal(y, by_hand(x, *sides, value).astype("float32"))


def test_the_papers_plane():
    """H1 of 1989 reads a plane of 16x16 with two rows and columns of -1 around it."""
    y = ops.convert_to_numpy(ConstantPadding2D()(np.ones((1, 16, 16, 1), "float32")))
    assert y.shape == (1, 20, 20, 1)
    assert y.sum() == 16 * 16 - (20 * 20 - 16 * 16)


def test_no_weights_and_a_gradient_of_the_inside_only(gradients):
    layer = ConstantPadding2D(((1, 0), (2, 1)))
    x = np.ones((1, 2, 3, 1), "float32")
    (g,) = gradients(layer, x)
    assert layer.count_params() == 0
    expected = np.linspace(0.5, 1.5, 3 * 6).reshape(1, 3, 6, 1)[:, 1:, 2:5]
    np.testing.assert_allclose(g, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "padding",
    [
        *(-1, (1, -2), ((1, 2, 3), 1), ((0, -1), (0, 0)), ((1,), 1)),
        (1, 2, 3),
        1.5,
    ],
)
def test_padding_must_be_sides(padding):
    with pytest.raises(ValueError, match=r"`padding` must be a whole number from 0.*Received: pad"):
        ConstantPadding2D(padding)


def test_needs_maps():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        ConstantPadding2D()(np.ones((2, 5, 7), "float32"))
