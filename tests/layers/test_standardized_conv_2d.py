import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.layers import StandardizedConv2D


def images():
    return np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")


def convolution(**arguments):
    layer = StandardizedConv2D(4, (3, 2), **arguments)
    layer.build((None, 5, 7, 3))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(0.2, 0.5, w.shape) for w in layer.weights])
    return layer


def standardized(kernel, epsilon):
    """Output map by output map, one weight at a time."""
    result = np.zeros(kernel.shape)
    for f in range(kernel.shape[-1]):
        weights = [kernel[p, q, c, f] for p, q, c in np.ndindex(*kernel.shape[:3])]
        mean = sum(weights) / len(weights)
        deviation = (sum((w - mean) ** 2 for w in weights) / len(weights)) ** 0.5
        for p, q, c in np.ndindex(*kernel.shape[:3]):
            result[p, q, c, f] = (kernel[p, q, c, f] - mean) / (deviation + epsilon)
    return result


def by_hand(x, kernel, strides):
    """TensorFlow's padding: the odd row or column comes last."""
    (rows, columns, _, filters), (n, height, width, _) = kernel.shape, x.shape
    shape = -(-height // strides), -(-width // strides)
    missing = [
        max((out - 1) * strides + k - side, 0)
        for out, k, side in zip(shape, (rows, columns), (height, width), strict=True)
    ]
    y = np.zeros((n, *shape, filters))
    for b, r, c, f in np.ndindex(*y.shape):
        for i, j in np.ndindex(rows, columns):
            at = r * strides + i - missing[0] // 2, c * strides + j - missing[1] // 2
            if 0 <= at[0] < height and 0 <= at[1] < width:
                y[b, r, c, f] += x[b, at[0], at[1]] @ kernel[i, j, :, f]
    return y


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("epsilon", [1e-5, 0.5])
def test_values(strides, epsilon):
    layer, x = convolution(strides=strides, epsilon=epsilon), images()
    expected = by_hand(x, standardized(layer.get_weights()[0], epsilon), strides)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-4)


def test_defaults_are_those_of_the_hybrids():
    layer, plain = (
        convolution(),
        keras.layers.Conv2D(4, (3, 2), padding="same", use_bias=False, data_format="channels_last"),
    )
    plain.build((None, 5, 7, 3))
    assert [w.shape for w in layer.weights] == [w.shape for w in plain.weights]
    plain.set_weights([standardized(layer.get_weights()[0], 1e-5)])
    y, expected = (ops.convert_to_numpy(each(images())) for each in (layer, plain))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_gradients(gradients):
    """Along the kernel, by differences of the loop's values."""
    layer, x = convolution(epsilon=0.5), images()
    (kernel,) = layer.get_weights()
    uneven = np.linspace(0.5, 1.5, 2 * 5 * 7 * 4).reshape(2, 5, 7, 4)
    found = gradients(layer, x)[1]
    for at in [(0, 0, 0, 0), (2, 1, 2, 3), (1, 0, 2, 1)]:
        values = []
        for step in (1e-4, -1e-4):
            moved = kernel.astype("float64")
            moved[at] += step
            values.append((uneven * by_hand(x, standardized(moved, 0.5), 1)).sum())
        expected = (values[0] - values[1]) / 2e-4
        assert abs(expected) > 0.01
        np.testing.assert_allclose(found[at], expected, rtol=1e-3, atol=1e-3)


def test_scale_and_shift_of_a_kernel_do_not_matter():
    layer, x = convolution(), images()
    expected = ops.convert_to_numpy(layer(x))
    layer.set_weights([30 * layer.get_weights()[0] - 7])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_statistics_in_float32_under_mixed_precision(dtype):
    """The mean of these weights is 10 times their deviation: half precision would lose digits."""
    layer, full = convolution(dtype=f"mixed_{dtype}"), convolution()
    kernel = 0.01 * layer.get_weights()[0] + 0.1
    layer.set_weights([kernel]), full.set_weights([kernel])
    y = ops.convert_to_numpy(ops.cast(layer(images()), "float32"))
    expected = ops.convert_to_numpy(full(images()))
    np.testing.assert_allclose(y, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras stays at float32")
def test_double_precision():
    layer, x = convolution(dtype="float64"), images().astype("float64")
    expected = by_hand(x, standardized(layer.get_weights()[0], 1e-5), 1)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-10, atol=1e-12)


def test_config_carries_the_inherited_arguments():
    layer = StandardizedConv2D(
        6, 3, groups=3, dilation_rate=2, activation="relu", kernel_initializer="lecun_normal"
    )
    twin = StandardizedConv2D.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert (twin.groups, twin.dilation_rate) == (3, (2, 2))
