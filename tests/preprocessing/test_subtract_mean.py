import keras
import numpy as np
import pytest

from keras_classics.preprocessing import PCAColorJitter, SubtractMean


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture
def images(photograph):
    return np.stack([photograph(7, 9, seed) for seed in range(11)])


MEAN = {"pixel": 0, "channel": (0, 1, 2)}
both = pytest.mark.parametrize("per", MEAN)


@both
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_the_mean_of_an_array_comes_off(images, per, kind):
    images = images.astype(kind)
    layer = SubtractMean(per)
    layer.adapt(images)
    mean = images.astype("float64").mean(axis=MEAN[per])
    np.testing.assert_allclose(numpy(layer(images)), images - mean, atol=1e-4)
    np.testing.assert_allclose(numpy(layer(images[0])), images[0] - mean, atol=1e-4)
    assert layer.trainable_weights == []
    assert [w.shape for w in layer.weights] == [mean.shape]


@both
def test_the_mean_of_batches(images, per):
    """Of uneven size, with labels or without, or of images alone."""
    mean = images.astype("float64").mean(axis=MEAN[per])
    cut = [images[:5], images[5:6], images[6:]]
    labels = [(batch, np.zeros(len(batch))) for batch in cut]
    for data in (cut, labels, iter(cut), list(images), keras.ops.convert_to_tensor(images)):
        layer = SubtractMean(per)
        layer.adapt(data)
        np.testing.assert_allclose(layer.get_weights()[0], mean, rtol=1e-6)


def test_each_pixel_counts_alike_where_sizes_differ(photograph):
    images = [photograph(*shape) for shape in [(3, 4), (9, 11), (5, 2)]]
    layer = SubtractMean("channel")
    layer.adapt(images)
    pixels = np.concatenate([x.reshape(-1, 3) for x in images])
    np.testing.assert_allclose(layer.get_weights()[0], pixels.mean(axis=0), rtol=1e-5)


def test_a_tf_data_set(images):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a tf.data.Dataset with the TensorFlow backend")
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((images, np.zeros(len(images)))).batch(4)
    layer = SubtractMean()
    layer.adapt(data)
    np.testing.assert_allclose(layer.get_weights()[0], images.mean(axis=0), rtol=1e-5)


@both
def test_sums_do_not_lose_small_numbers(per):
    """A sum in float32 would stop at 2 ** 24."""
    images = np.ones((101, 1, 1, 2), "float32")
    images[0] = 2**24
    for data in (images, list(images)):
        layer = SubtractMean(per)
        layer.adapt(data)
        np.testing.assert_allclose(layer.get_weights()[0].ravel(), (2**24 + 100) / 101, rtol=1e-7)


def test_adapt_again_starts_anew(images):
    layer = SubtractMean()
    layer.adapt(images[:5])
    layer.adapt(images[5:])
    np.testing.assert_allclose(layer.get_weights()[0], images[5:].mean(axis=0), rtol=1e-5)


def test_a_given_mean(images):
    layer = SubtractMean("channel", [123.68, 116.779, 103.939])
    expected = images - np.array([123.68, 116.779, 103.939])
    np.testing.assert_allclose(numpy(layer(images)), expected, atol=1e-4)
    np.testing.assert_allclose(numpy(layer(images[0])), expected[0], atol=1e-4)


@both
def test_the_mean_is_saved(images, per, tmp_path):
    layer = SubtractMean(per)
    layer.adapt(images)
    model = keras.Sequential([keras.Input(images.shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(loaded(images)), numpy(model(images)))
    fresh = keras.Sequential([keras.Input(images.shape[1:]), SubtractMean(per)])
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(fresh.predict(images, verbose=0), numpy(model(images)))


def test_half_precision_keeps_the_mean_in_single(images):
    layer = SubtractMean("channel", [123.68, 116.779, 103.939], dtype="mixed_float16")
    y = layer(images.round())
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    expected = images.round() - np.array([123.68, 116.779, 103.939])
    np.testing.assert_allclose(numpy(y), expected, rtol=1e-3, atol=1e-3)


@both
def test_within_tf_data(through_tf_data, images, per):
    layer = SubtractMean(per)
    layer.adapt(images)
    expected = images - images.mean(axis=MEAN[per])
    np.testing.assert_allclose(through_tf_data(layer, list(images)), expected, atol=1e-4)
    np.testing.assert_allclose(through_tf_data(layer, [images])[0], expected, atol=1e-4)


def test_built_within_tf_data(through_tf_data, images):
    layer = SubtractMean("channel", [1.0, 2.0, 3.0])
    y = through_tf_data(layer, list(images))
    np.testing.assert_allclose(y, images - np.array([1.0, 2.0, 3.0]), atol=1e-4)
    np.testing.assert_allclose(numpy(layer(images)), y, atol=1e-4)


def test_an_unknown_mean(images):
    layer = SubtractMean(name="mean_image")
    with pytest.raises(ValueError, match="'mean_image' is unknown: `adapt` it.*or load"):
        layer(images)


def test_an_unknown_mean_within_tf_data(through_tf_data, images):
    import tensorflow as tf

    layer = SubtractMean("channel")
    with pytest.raises(tf.errors.InvalidArgumentError, match="is unknown: `adapt` it"):
        through_tf_data(layer, list(images))


def test_images_on_another_scale_than_the_mean(images):
    layer = SubtractMean("channel", [123.68, 116.779, 103.939])
    for wrong in (images / 255, images / 127.5 - 250, layer(images)):
        with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
            layer(wrong)
    layer(PCAColorJitter(sigma=0.2, seed=0)(images, training=True))
    layer((images / 255)[0])  # one dark image may look so
    small = SubtractMean("channel")
    small.adapt(images / 255)
    small(images / 255)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        (("image",), None, '`per` must be "pixel" or "channel". Received: per=.image'),
        (("pixel", [1.0, 2.0]), None, r'take per="channel".*mean=\[1.0, 2.0\]'),
        (("channel", [1.0]), (2, 3, 4), r"number for each channel. Received: mean=\[1.0\] and 4"),
        ((), (None, 3, 4), r"images of one known size.*Received: images of shape \(None, 3, 4\)"),
    ],
)
def test_wrong_arguments(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        SubtractMean(*arguments).build(shape)


def test_wrong_images(images):
    with pytest.raises(ValueError, match=r"one shape, here \(7, 9, 3\).*Received: \(6, 9, 3\)"):
        SubtractMean().adapt([images, images[:, 1:]])
    with pytest.raises(ValueError, match="at least one image. Received: none"):
        SubtractMean().adapt([])
