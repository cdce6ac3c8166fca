import keras
import numpy as np
from keras import ops

from keras_classics.layers import ClassToken, MultiHeadSelfAttention


def tokens(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_stands_before_all_others(gradients):
    layer, x = ClassToken(), tokens(3, 4, 5)
    y = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(y[:, 0], 0)  # its start
    layer.set_weights([np.arange(1.0, 6)])
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == (3, 5, 5)
    np.testing.assert_array_equal(y[:, 0], [[1, 2, 3, 4, 5]] * 3)
    np.testing.assert_array_equal(y[:, 1:], x)
    uneven = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
    along_x, along_token = gradients(layer, x)
    np.testing.assert_allclose(along_x, uneven[:, 1:], rtol=1e-6)
    np.testing.assert_allclose(along_token, uneven[:, 0].sum(0), rtol=1e-6)


def test_any_number_of_tokens():
    inputs = keras.Input((None, 5))
    model = keras.Model(inputs, ClassToken()(inputs))
    assert model.output_shape == (None, None, 5)
    assert model(tokens(2, 3, 5)).shape == (2, 4, 5)


def test_mask_has_the_class_token():
    words = np.array([[3, 1, 0], [2, 0, 0]])
    layer = ClassToken()
    mask = layer.compute_mask(None, ops.convert_to_tensor(words > 0))
    expected = [[True, True, True, False], [True, True, False, False]]
    np.testing.assert_array_equal(ops.convert_to_numpy(mask), expected)
    assert layer.compute_mask(None, None) is None
    attention = MultiHeadSelfAttention(1)
    model = keras.Sequential(
        [
            keras.Input((3,), dtype="int32"),
            keras.layers.Embedding(4, 5, mask_zero=True),
            layer,
            attention,
        ]
    )
    x = layer(model.layers[0](words))
    expected = attention(ops.convert_to_numpy(x), mask=np.array(expected))
    y = ops.convert_to_numpy(model(words))
    np.testing.assert_allclose(y, ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-6)
    unmasked = ops.convert_to_numpy(attention(ops.convert_to_numpy(x)))
    assert np.abs(y - unmasked).max() > 1e-4
