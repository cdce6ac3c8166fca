import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.activations import scaled_tanh
from keras_classics.layers import UnitBias


@pytest.mark.parametrize("shape", [(3, 5, 2), (4,)])
@pytest.mark.parametrize(
    ("activation", "squash"),
    [(None, lambda a: a), (scaled_tanh, lambda a: 1.7159 * np.tanh(2 / 3 * a))],
)
def test_values(shape, activation, squash):
    random = np.random.default_rng(0)
    x, bias = random.normal(size=(2, *shape)).astype("float32"), random.normal(size=shape)
    layer = UnitBias(activation)
    layer.build(x.shape)
    layer.set_weights([bias])
    expected = np.empty(x.shape)
    for p, *unit in np.ndindex(*x.shape):
        expected[p, *unit] = squash(x[p, *unit] + bias[*unit])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-5, atol=1e-6)


def test_lecun1989_h1_has_the_papers_parameters():
    """Section 3.3: 768 biases, and 1,068 parameters with the 12 kernels of 25 weights."""
    kernels, biases = keras.layers.Conv2D(12, 5, strides=2, use_bias=False), UnitBias()
    biases(kernels(keras.Input((20, 20, 1))))
    assert biases.count_params() == 768
    assert kernels.count_params() + biases.count_params() == 1068


def test_start():
    x = np.zeros((1, 2, 3), "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(UnitBias()(x)), x)
    np.testing.assert_array_equal(ops.convert_to_numpy(UnitBias(None, "ones")(x)), x + 1)


def test_gradients_reach_every_weight(gradients):
    layer = UnitBias(scaled_tanh)
    layer.build((None, 3, 5, 2))
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 2)).astype("float32")
    for g in gradients(layer, x):
        assert np.isfinite(g).all()
        assert (g != 0).all()


def test_needs_a_known_size():
    with pytest.raises(ValueError, match=r"how many units there are.*Received: \(None, None, 5"):
        UnitBias()(keras.Input((None, 5, 2)))
