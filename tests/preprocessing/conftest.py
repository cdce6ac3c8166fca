"""What the tests of image preprocessing share."""

import keras
import numpy as np
import pytest


@pytest.fixture
def through_tf_data():
    """A function that maps a layer over a list of images whose sizes the graph does not know."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("within tf.data with the TensorFlow backend only")
    import tensorflow as tf

    def run(layer, images, batch=None, threads=None, **arguments):
        kind = tf.as_dtype(images[0].dtype)
        spec = tf.TensorSpec((None,) * (images[0].ndim - 1) + (images[0].shape[-1],), kind)
        data = tf.data.Dataset.from_generator(lambda: iter(images), output_signature=spec)
        if batch:
            data = data.batch(batch)
        data = data.map(lambda x: layer(x, **arguments), num_parallel_calls=threads)
        return [y.numpy() for y in data]

    return run


@pytest.fixture
def coordinates():
    """A function to an image in which each pixel holds its row and its column."""

    def image(height, width):
        return np.stack(np.mgrid[:height, :width], axis=-1).astype("float32")

    return image


@pytest.fixture
def photograph():
    """A function to a smooth image with edges, from 0 to 255."""

    def image(height, width, seed=0):
        random = np.random.default_rng(seed)
        v, u = np.mgrid[:height, :width]
        waves = [np.sin(u / a + c) * np.cos(v / b) for a, b, c in random.uniform(2, 9, (3, 3))]
        x = 128 + 100 * np.stack(waves, axis=-1)
        x[height // 3 :, width // 2 :, 1] = 255
        x[0, 0], x[-1, -1] = 0, 255
        return x.astype("float32")

    return image
