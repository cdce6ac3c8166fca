import keras
import numpy as np
import pytest

from keras_classics.layers import CoveringConv2D


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((3, 4, 2), {}),  # covers: one product
        ((5, 4, 2), {}),
        ((3, 7, 2), {"strides": 2}),
        ((3, 4, 2), {"padding": "same"}),
    ],
)
def test_is_keras_convolution(shape, arguments, gradients):
    """Outputs and gradients, where the kernel covers the map and where it does not."""
    ours = CoveringConv2D(5, (3, 4), activation="tanh", **arguments)
    keras_layer = keras.layers.Conv2D(5, (3, 4), activation="tanh", **arguments)
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype("float32")
    keras_layer(x), ours(x)
    rng = np.random.default_rng(1)
    ours.set_weights([rng.normal(size=w.shape) for w in keras_layer.get_weights()])
    keras_layer.set_weights(ours.get_weights())
    expected = keras.ops.convert_to_numpy(keras_layer(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(ours(x)), expected, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(gradients(ours, x), gradients(keras_layer, x), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_a_loop_over_the_kernel():
    layer = CoveringConv2D(2, (2, 3))
    x = np.arange(12, dtype="float32").reshape(1, 2, 3, 2) / 10
    layer.build(x.shape)
    kernel = np.arange(24, dtype="float32").reshape(2, 3, 2, 2) / 7
    layer.set_weights([kernel, np.array([1.0, -1.0])])
    expected = [
        bias + sum(x[0, r, c, m] * kernel[r, c, m, i] for r, c, m in np.ndindex(2, 3, 2))
        for i, bias in enumerate([1.0, -1.0])
    ]
    outputs = keras.ops.convert_to_numpy(layer(x))
    assert outputs.shape == (1, 1, 1, 2)
    np.testing.assert_allclose(outputs[0, 0, 0], expected, rtol=1e-5)
