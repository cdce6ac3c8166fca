"""Memory of NumPy that becomes a variable's."""

import keras
import numpy as np
import pytest

from keras_classics import backend


@pytest.mark.parametrize("offset", [0, 4, 16, 32, 60, 64])
def test_adopted_memory_is_computed_with_wherever_it_begins(offset):
    """TensorFlow ends the process where a kernel meets memory that is not aligned."""
    memory = np.zeros(1024, "uint8")
    start = -memory.ctypes.data % 64 + offset
    array = memory[start : start + 256].view("float32")
    array[:] = np.arange(64)
    layer = keras.layers.Dense(64)
    layer.build((None, 1))
    layer.bias.assign(backend.adopt(array))
    layer.kernel.assign(backend.adopt(np.ones((64, 1), "float32").T))
    del memory, array
    model = keras.Sequential([layer])
    found = model.predict(np.full((3, 1), 2, "float32"), verbose=0)
    np.testing.assert_array_equal(found, np.tile(np.arange(64) + 2, (3, 1)))
    model.compile("sgd", "mse")
    model.fit(np.zeros((3, 1)), np.zeros((3, 64)), verbose=0)
    assert (keras.ops.convert_to_numpy(layer.bias)[1:] < np.arange(1, 64)).all()


def test_a_model_without_values_never_gets_any():
    """Keras would give them values in the next `fit`."""
    model = backend.without_values(keras.Sequential, [keras.Input((3,)), keras.layers.Dense(2)])
    assert [weight.shape for weight in model.weights] == [(3, 2), (2,)]
    other = keras.Sequential([keras.layers.Dense(2)])
    other.compile("sgd", "mse")
    other.fit(np.ones((1, 3)), np.ones((1, 2)), verbose=0)
    # Keras has no public way to ask: `value` is drawn anew at each call.
    assert all(weight._value is None for weight in model.weights)


def test_errors_of_a_model_without_values():
    with pytest.raises(ValueError, match="units"):
        backend.without_values(keras.layers.Dense, units=-1)
