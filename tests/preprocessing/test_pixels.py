import keras
import numpy as np
import pytest

from keras_classics.preprocessing.pixels import add_colour, check_pixels


class Check(keras.layers.Layer):
    def call(self, images):
        return check_pixels(images)


@pytest.fixture(params=["eager", "tf.data"])
def check(request):
    """A function that fails on images as the check does, and the class of its error."""
    if request.param == "eager":
        return lambda x: Check()(x), ValueError
    through_tf_data = request.getfixturevalue("through_tf_data")
    import tensorflow as tf

    return lambda x: through_tf_data(Check(), [x])[0], tf.errors.InvalidArgumentError


def dark(seed):
    """A crop of nearly black, with plateaus of 0 and 1, enlarged."""
    x = np.random.default_rng(seed).integers(0, 2, (8, 9, 3)).astype("float32")
    x = np.repeat(np.repeat(x, 6, axis=0), 6, axis=1)
    return (x + np.roll(x, 1, axis=1)) / 2


def test_images_in_range_pass(check, photograph):
    run, _ = check
    x = photograph(20, 31)
    for image in [x, x[None], x.round(), x.astype("uint8"), x * 0, x * 0 + 255, x * 0 + 1]:
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(run(image)), image)
    for image in [x - 0.9, x + 0.9, dark(0), dark(1), x.astype("uint8") // 255]:
        run(image)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x / 255,
        lambda x: x / 256,
        lambda x: x / 127.5 - 1.1,
        lambda x: x - 128,
        lambda x: x - 1.1,
        lambda x: x + 1.1,
        lambda x: x * 257,
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_images_out_of_range(check, photograph, change, batch):
    run, error = check
    x = change(photograph(20, 31))
    with pytest.raises(error, match="Pixels must be from 0 to 255.*multiply by 255.*Received"):
        run(x[None] if batch else x)


def test_the_message_names_the_range(photograph):
    with pytest.raises(ValueError, match=r"Received: smallest=0, largest=1$"):
        check_pixels(photograph(20, 31) / 255)


def test_another_range_slack_and_exception(photograph):
    x = photograph(20, 31)
    check_pixels(x / 255, (0, 1), slack=1 / 255)
    with pytest.raises(ValueError, match="from 0 to 1"):
        check_pixels(x, (0, 1))
    with pytest.raises(ValueError, match="from 0 to 1"):
        check_pixels(x.astype("uint8"), (0, 1))
    check_pixels(x - 90, slack=100)
    with pytest.raises(ValueError, match="from 0 to 255"):
        check_pixels(x - 101, slack=100)
    check_pixels(x - 101, unless=True)
    check_pixels(x - 101, unless=keras.ops.max(x) > 1)


def test_what_is_compiled_goes_unchecked(photograph):
    x = keras.ops.convert_to_tensor(photograph(20, 31) / 255)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        run = tf.function(check_pixels, jit_compile=True)
    elif keras.backend.backend() == "jax":
        import jax

        run = jax.jit(check_pixels)
    else:
        pytest.skip("compiled by XLA with TensorFlow and JAX only")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(run(x)), x)


def test_a_colour_is_added_to_each_pixel():
    random = np.random.default_rng(0)
    x, colours = random.normal(size=(2, 4, 5, 3)), random.normal(size=(2, 3))
    x, colours = x.astype("float32"), colours.astype("float32")
    for images, colour in [(x, colours), (x, colours[0]), (x[0], colours[0])]:
        y = keras.ops.convert_to_numpy(add_colour(images, keras.ops.convert_to_tensor(colour)))
        assert y.shape == images.shape
        for index in np.ndindex(*images.shape):
            added = colour[index[-1]] if colour.ndim == 1 else colour[index[0], index[-1]]
            np.testing.assert_allclose(y[index], images[index] + added, rtol=1e-5, atol=1e-6)
