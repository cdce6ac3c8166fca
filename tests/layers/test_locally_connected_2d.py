import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.initializers import FanInUniform
from keras_classics.layers import LocallyConnected2D


def images(height=4, width=5, channels=3):
    return np.random.default_rng(0).normal(size=(2, height, width, channels)).astype("float32")


def by_hand(x, kernel, bias, rows, columns, padding):
    """One product at a time; beyond the edges is nothing."""
    n, height, width, channels = x.shape
    new_height, new_width, filters = bias.shape
    top, left = ((rows - 1) // 2, (columns - 1) // 2) if padding == "same" else (0, 0)
    y = np.zeros((n, new_height, new_width, filters))
    for p, r, c, i in np.ndindex(*y.shape):
        y[p, r, c, i] = bias[r, c, i]
        for dr, dc, m in np.ndindex(rows, columns, channels):
            row, column = r + dr - top, c + dc - left
            if 0 <= row < height and 0 <= column < width:
                weight = kernel[r * new_width + c, (dr * columns + dc) * channels + m, i]
                y[p, r, c, i] += weight * x[p, row, column, m]
    return y


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel_size", "window"), [(3, (3, 3)), ((2, 3), (2, 3)), ((4, 1), (4, 1)), ([1, 4], (1, 4))]
)
def test_values(kernel_size, window, padding):
    layer, x = LocallyConnected2D(2, kernel_size, padding), images()
    layer.build(x.shape)
    random = np.random.default_rng(1)
    kernel, bias = random.normal(size=layer.kernel.shape), random.normal(size=layer.bias.shape)
    layer.set_weights([kernel, bias])
    expected = by_hand(x, kernel, bias, *window, padding)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)


def test_activation():
    layer = LocallyConnected2D(2, 3, activation="tanh", kernel_initializer="normal")
    plain, x = LocallyConnected2D(2, 3), images()
    layer.build(x.shape), plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    expected = np.tanh(ops.convert_to_numpy(plain(x)))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_with_one_kernel_for_all_positions_it_is_a_convolution(padding, gradients):
    x = images()
    convolution = keras.layers.Conv2D(2, (2, 3), padding=padding, bias_initializer="normal")
    expected = ops.convert_to_numpy(convolution(x))
    layer = LocallyConnected2D(2, (2, 3), padding)
    layer.build(x.shape)
    kernel, bias = convolution.get_weights()
    copies = np.tile(kernel.reshape(1, -1, 2), (layer.kernel.shape[0], 1, 1))
    layer.set_weights([copies, np.broadcast_to(bias, layer.bias.shape)])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)
    inputs, kernels, biases = gradients(layer, x)
    shared_inputs, shared_kernel, shared_bias = gradients(convolution, x)
    np.testing.assert_allclose(inputs, shared_inputs, rtol=1e-4, atol=1e-5)
    kernels = kernels.sum(axis=0).reshape(kernel.shape)
    np.testing.assert_allclose(kernels, shared_kernel, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(biases.sum(axis=(0, 1)), shared_bias, rtol=1e-4)


def test_parameters_of_the_local_layers_of_the_13_percent_network():
    counts = []
    for channels in (64, 32):
        layer = LocallyConnected2D(32, 3, "same")
        layer.build((None, 6, 6, channels))
        counts.append(layer.count_params())
    assert counts == [36 * (9 * 64 * 32 + 32), 36 * (9 * 32 * 32 + 32)]


def test_starts_as_the_program():
    layer = LocallyConnected2D(32, 3, "same")
    layer.build((None, 6, 6, 16))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(kernel.std(), 0.04, rtol=0.02)
    np.testing.assert_allclose(kernel.mean(), 0, atol=0.001)
    assert not np.allclose(kernel[0], kernel[1])
    assert (bias == 0).all()


def test_another_start_sees_the_fan_in_of_one_window():
    start = FanInUniform(scale=2.4, seed=1)
    layer = LocallyConnected2D(32, 3, "same", kernel_initializer=start)
    layer.build((None, 6, 6, 16))
    kernel = ops.convert_to_numpy(layer.kernel)
    np.testing.assert_allclose(np.abs(kernel).max(), 2.4 / (9 * 16), rtol=0.01)
    assert not np.allclose(kernel[0], kernel[1])


@pytest.mark.parametrize("shape", [(None, 6, 1), (6, None, 1), (2, 6, 1)])
def test_needs_a_known_side_as_large_as_the_kernel(shape):
    with pytest.raises(ValueError, match=r"known height and width.*Received: shape"):
        LocallyConnected2D(2, 3)(keras.Input(shape))


def test_wrong_arguments():
    with pytest.raises(ValueError, match='must be "valid" or "same". Received: padding=\'full\''):
        LocallyConnected2D(2, 3, "full")
    for filters, kernel_size in [(0, 3), (2, 0), (2, (3, 0)), (2, (3, 3, 3))]:
        with pytest.raises(ValueError, match="must be a whole number.*Received: (filters|kernel_)"):
            LocallyConnected2D(filters, kernel_size)


def test_needs_maps():
    with pytest.raises(ValueError, match="expected ndim=4"):
        LocallyConnected2D(2, 3)(np.ones((2, 3), "float32"))
