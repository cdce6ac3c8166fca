import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.activations import scaled_tanh
from keras_classics.backend import gradient


def test_values():
    points = np.linspace(-4, 4, 23, dtype="float32")
    expected = [1.7159 * math.tanh(2 * a / 3) for a in points]
    np.testing.assert_allclose(scaled_tanh(points), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("a", "f"), [(1.0, 0.9999973), (-1.0, -0.9999973), (50.0, 1.7159)])
def test_the_papers_points(a, f):
    """Appendix A: f(1) = 1, f(-1) = -1, asymptotes at A."""
    np.testing.assert_allclose(scaled_tanh(np.array([a], "float32")), [f], rtol=1e-6)


@pytest.mark.parametrize(("a", "slope"), [(0.0, 1.14393), (1.0, 0.7554), (-1.0, 0.7554)])
def test_slope(a, slope):
    (g,) = gradient(lambda x: ops.sum(scaled_tanh(x[0])), [np.array([a], "float32")])
    np.testing.assert_allclose(ops.convert_to_numpy(g), [slope], rtol=1e-4)


def test_slope_is_finite_far_out():
    (g,) = gradient(lambda x: ops.sum(scaled_tanh(x[0])), [np.array([-1e4, 1e4], "float32")])
    np.testing.assert_array_equal(ops.convert_to_numpy(g), [0, 0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_keeps_type_and_shape(dtype):
    y = scaled_tanh(ops.ones((2, 3, 5), dtype=dtype))
    assert tuple(y.shape) == (2, 3, 5)
    assert keras.backend.standardize_dtype(y.dtype) == dtype


def test_serialization():
    config = json.loads(json.dumps(keras.activations.serialize(scaled_tanh)))
    assert keras.activations.get(config) is scaled_tanh


def test_in_a_layer():
    layer = keras.layers.Dense(3, activation=scaled_tanh)
    twin = keras.layers.Dense.from_config(json.loads(json.dumps(layer.get_config())))
    assert twin.activation is scaled_tanh
