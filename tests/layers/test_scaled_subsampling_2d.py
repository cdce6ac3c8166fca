import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.activations import scaled_tanh
from keras_classics.layers import ScaledSubsampling2D

INPUTS = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")


def by_hand(x, coefficient, bias, rows, columns, squash):
    n, height, width, channels = x.shape
    y = np.zeros((n, height // rows, width // columns, channels))
    for p, r, c, m in np.ndindex(*y.shape):
        total = 0.0
        for dr in range(rows):
            for dc in range(columns):
                total += x[p, r * rows + dr, c * columns + dc, m]
        y[p, r, c, m] = squash(coefficient[m] * total + bias[m])
    return y


@pytest.mark.parametrize(("pool_size", "window"), [(2, (2, 2)), ((2, 3), (2, 3)), ((1, 4), (1, 4))])
@pytest.mark.parametrize(
    ("activation", "squash"),
    [(None, lambda a: a), (scaled_tanh, lambda a: 1.7159 * np.tanh(2 / 3 * a))],
)
def test_values(pool_size, window, activation, squash):
    layer = ScaledSubsampling2D(pool_size, activation)
    layer.build(INPUTS.shape)
    coefficient, bias = np.array([0.5, -1.0, 0.25]), np.array([0.125, 0.5, -2.0])
    layer.set_weights([coefficient, bias])
    expected = by_hand(INPUTS, coefficient, bias, *window, squash)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(INPUTS)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("maps", "parameters"), [(6, 12), (16, 32)])
def test_lenet5_s2_and_s4_have_the_papers_parameters(maps, parameters):
    layer = ScaledSubsampling2D()
    layer.build((None, 28, 28, maps))
    assert layer.count_params() == parameters


def test_several_outputs_of_each_map():
    """As in LeNet-4: the first outputs are those of the first map."""
    layer = ScaledSubsampling2D((2, 3), scaled_tanh, depth_multiplier=2)
    layer.build(INPUTS.shape)
    coefficient, bias = np.linspace(-1, 1, 6), np.linspace(0.5, -2, 6)
    layer.set_weights([coefficient, bias])
    twice = np.stack([INPUTS[..., k // 2] for k in range(6)], -1)
    expected = by_hand(twice, coefficient, bias, 2, 3, lambda a: 1.7159 * np.tanh(2 / 3 * a))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(INPUTS)), expected, rtol=1e-5, atol=1e-6)


def test_gradients_reach_every_weight(gradients):
    layer = ScaledSubsampling2D((2, 3), "tanh")
    layer.build(INPUTS.shape)
    inputs, *weights = gradients(layer, INPUTS)
    for g in weights:
        assert np.isfinite(g).all()
        assert (g != 0).all()
    assert (inputs[:, :4, :6] != 0).all()
    assert (inputs[:, 4:] == 0).all()  # what is left over at the edge is not read
    assert (inputs[:, :, 6:] == 0).all()


@pytest.mark.parametrize("window", [(2, 2), (2, 3), (1, 4)])
def test_gradients(window, gradients):
    rows, columns = window
    layer = ScaledSubsampling2D(window)
    layer.build(INPUTS.shape)
    layer.set_weights([np.array([0.5, -1.0, 0.25]), np.zeros(3)])
    along_inputs, along_coefficient, along_bias = gradients(layer, INPUTS)
    shape = (2, 5 // rows, 7 // columns, 3)
    upstream = np.linspace(0.5, 1.5, np.prod(shape)).reshape(shape)
    expected, coefficient = np.zeros(INPUTS.shape), np.zeros(3)
    for n, r, c, m in np.ndindex(*shape):
        of_window = n, slice(r * rows, (r + 1) * rows), slice(c * columns, (c + 1) * columns), m
        expected[of_window] = upstream[n, r, c, m] * [0.5, -1.0, 0.25][m]
        coefficient[m] += upstream[n, r, c, m] * INPUTS[of_window].sum()
    np.testing.assert_allclose(along_inputs, expected, rtol=1e-5)
    np.testing.assert_allclose(along_coefficient, coefficient, rtol=1e-4)
    np.testing.assert_allclose(along_bias, upstream.sum((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize(("pool_size", "inputs"), [(2, 4), ((2, 3), 6)])
def test_starts_at_the_mean(pool_size, inputs):
    layer = ScaledSubsampling2D(pool_size)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    mean = keras.layers.AveragePooling2D(pool_size)(x)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(mean), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(ops.convert_to_numpy(layer.coefficient), 1 / inputs, rtol=1e-6)


def test_other_starts():
    layer = ScaledSubsampling2D(2, coefficient_initializer="ones", bias_initializer="ones")
    x = np.ones((1, 2, 4, 1), "float32")
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)).ravel(), [5, 5], rtol=1e-6)


@pytest.mark.parametrize("pool_size", [0, (2, 0), (2, 2, 2)])
def test_a_wrong_window(pool_size):
    with pytest.raises(ValueError, match="`pool_size` must be a whole number, at least 1, or"):
        ScaledSubsampling2D(pool_size)


def test_needs_maps():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        ScaledSubsampling2D()(keras.ops.ones((2, 7, 3)))


def test_maps_smaller_than_the_window():
    with pytest.raises(ValueError, match=r"at least as large as the window \(2, 3\)"):
        ScaledSubsampling2D((2, 3))(np.ones((1, 4, 2, 1), "float32"))
