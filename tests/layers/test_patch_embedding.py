import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.layers import PatchEmbedding


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def embedding(p=2, d=5, shape=(None, 4, 6, 3)):
    layer = PatchEmbedding(d, p)
    layer.build(shape)
    layer.set_weights([images(*w.shape, seed=i) for i, w in enumerate(layer.weights, 1)])
    return layer


def test_values():
    """Patch by patch, row by row, each flattened with the channels fastest: equation 1."""
    layer, x = embedding(), images(2, 4, 6, 3)
    kernel, bias = layer.get_weights()
    e = kernel.reshape(2 * 2 * 3, 5)
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == (2, 2 * 3, 5)
    assert layer.grid == (2, 3)
    for b, r, c in np.ndindex(2, 2, 3):
        patch = [x[b, 2 * r + i, 2 * c + j, k] for i in (0, 1) for j in (0, 1) for k in range(3)]
        np.testing.assert_allclose(y[b, 3 * r + c], patch @ e + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("p", "shape"), [(2, (4, 6, 3)), (3, (6, 3, 1)), (1, (2, 3, 4))], ids=str)
def test_is_a_convolution_of_stride_p(p, shape, gradients):
    layer, x = embedding(p, 5, (None, *shape)), images(2, *shape)
    convolution = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(5, p, p, data_format="channels_last"),
            keras.layers.Reshape((-1, 5)),
        ]
    )
    convolution.set_weights(layer.get_weights())
    expected = ops.convert_to_numpy(convolution(x))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(gradients(layer, x), gradients(convolution, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("p", "parameters"), [(16, 590_592), (32, 2_360_064)])
def test_start_and_parameters(p, parameters):
    """Of ViT-B: variance 1 / (P^2 C), cut off at two (untruncated) deviations; biases 0."""
    layer = PatchEmbedding(768, p)
    layer.build((None, 64, 96, 3))
    assert layer.count_params() == parameters
    kernel, bias = layer.get_weights()
    deviation = (p * p * 3) ** -0.5
    np.testing.assert_allclose(kernel.std(), deviation, rtol=0.01)
    within = np.abs(kernel) <= 2.001 * deviation / 0.87962566
    np.testing.assert_allclose(within.mean(), 1, atol=1e-4)  # PyTorch lets a few pass
    assert np.abs(kernel).max() > 1.98 * deviation / 0.87962566
    assert not bias.any()


def test_wrong_arguments():
    for wrong in ((0, 2), (5, 0)):
        with pytest.raises(
            ValueError,
            match="at least 1. Received: (embed_dim|patch_size)=0",
        ):
            PatchEmbedding(*wrong)
    message = r"known and divisible by patch_size=4: resize.*Received: input_shape=\({}\)"
    with pytest.raises(ValueError, match=message.format("2, 8, 6, 3")):
        PatchEmbedding(5, 4)(images(2, 8, 6, 3))
    with pytest.raises(ValueError, match=message.format("None, None, 8, 3")):
        PatchEmbedding(5, 4)(keras.Input((None, 8, 3)))
    with pytest.raises(ValueError, match="expected ndim=4"):
        PatchEmbedding(5, 4)(images(8, 8, 3))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 4, 6, 3\)"):
        embedding()(images(2, 6, 6, 3))
