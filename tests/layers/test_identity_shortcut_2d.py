import keras
import numpy as np
import pytest

from keras_classics.layers import IdentityShortcut2D


def images(height, width, channels=3):
    return np.random.default_rng(0).normal(size=(2, height, width, channels)).astype("float32")


def by_hand(x, filters, s):
    n, height, width, channels = x.shape
    y = np.zeros((n, -(-height // s), -(-width // s), filters))
    for i, j, c in np.ndindex(*y.shape[1:3], channels):
        y[:, i, j, c] = x[:, s * i, s * j, c]
    return y


@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("filters", [3, 4, 8])
@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 9), (6, 5), (1, 4)])
def test_a_loop(height, width, filters, strides):
    x, layer = images(height, width), IdentityShortcut2D(filters, strides)
    y = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(y, by_hand(x, filters, strides))
    assert layer.compute_output_shape(x.shape) == y.shape


def test_halves_unless_told_otherwise():
    assert IdentityShortcut2D(8).compute_output_shape((None, 5, 8, 3)) == (None, 3, 4, 8)


def test_has_no_weights():
    layer = IdentityShortcut2D(8)
    layer.build((None, 6, 8, 3))
    assert layer.count_params() == 0


@pytest.mark.parametrize("strides", [1, 2])
def test_gradients(strides, gradients):
    """What is passed on has its coefficient, everything else 0."""
    x = images(5, 8)
    expected = np.zeros(x.shape)
    shape = by_hand(x, 5, strides).shape
    uneven = np.linspace(0.5, 1.5, np.prod(shape)).reshape(shape)
    expected[:, ::strides, ::strides] = uneven[..., :3]
    (found,) = gradients(IdentityShortcut2D(5, strides), x)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_unknown_sides():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, IdentityShortcut2D(5)(inputs))
    assert model.output_shape == (None, None, None, 5)
    for sides in [(6, 9), (7, 8)]:
        x = images(*sides)
        np.testing.assert_array_equal(model.predict(x, verbose=0), by_hand(x, 5, 2))


def test_fewer_maps_than_channels():
    with pytest.raises(ValueError, match="drops none.* Received: filters=2 for 3 channels"):
        IdentityShortcut2D(2)(images(4, 4))
    with pytest.raises(ValueError, match="must be known. Received: filters=2 for None channels"):
        IdentityShortcut2D(2).build((None, 4, 4, None))


@pytest.mark.parametrize("strides", [0, -1, 1.5, (2, 2)])
def test_strides_that_are_none(strides):
    with pytest.raises(ValueError, match="`strides` must be a whole number, at least 1. Receiv"):
        IdentityShortcut2D(8, strides)


def test_vectors():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        IdentityShortcut2D(8)(np.ones((2, 3), "float32"))
