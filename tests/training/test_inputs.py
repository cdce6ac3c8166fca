"""Photographs on their way into `fit`."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_classics import datasets
from keras_classics.preprocessing import CropAndFlip, PCAColorJitter, RescaleShortSide, SubtractMean
from keras_classics.training import strategies
from keras_classics.training.inputs import _ImageBatches, image_batches


class Draw(keras.layers.Layer):
    """Puts two random numbers beside the first pixel."""

    def __init__(self):
        super().__init__()
        self._seeds = keras.random.SeedGenerator(0)

    def call(self, images, training=False):  # (height, width, channels)
        first = ops.reshape(ops.cast(images, "float32"), (-1,))[:1]
        drawn = ops.zeros(2)
        if training:
            drawn = [keras.random.uniform((1,), seed=self._seeds) for _ in range(2)]
            drawn = ops.concatenate(drawn)
        return ops.concatenate([first, drawn])


@pytest.fixture
def split():
    """Image `i` of 250 is one pixel of grey `i`, its label `2 i`."""
    images = np.zeros((250, 1, 1, 3), "uint8") + np.arange(250, dtype="uint8")[:, None, None, None]
    return datasets.Arrays(images, 2 * np.arange(250, dtype="int32"))


def passes(batches, count=2):
    """The images and labels of each pass, as one array each."""
    result = []
    for batches.position.number in range(count):
        if hasattr(batches, "on_epoch_begin"):
            batches.on_epoch_begin()
        pairs = [(ops.convert_to_numpy(x), ops.convert_to_numpy(y)) for x, y in batches]
        assert len(pairs) == len(batches)
        result.append([np.concatenate(part) for part in zip(*pairs, strict=True)])
    return result


def test_evaluation_gives_all_in_order(split):
    batches = image_batches(split, [Draw()], 64)
    assert [len(y) for _, y in batches] == [64, 64, 64, 58]
    for images, labels in passes(batches):
        np.testing.assert_array_equal(images, [(i, 0, 0) for i in range(250)])
        np.testing.assert_array_equal(labels, 2 * np.arange(250))


def test_training_draws_anew_and_repeats_from_the_seed(split):
    batches = image_batches(split, [Draw()], 64, seed=5)
    assert [len(y) for _, y in batches] == [64, 64, 64]  # full batches only
    (first, labels), (second, _) = passes(image_batches(split, [Draw()], 64, seed=5))
    np.testing.assert_array_equal(2 * first[:, 0], labels)
    assert len(np.unique(labels)) == 192
    assert (first[:, 0] != second[:, 0]).mean() > 0.9
    drawn = np.concatenate([first[:, 1:], second[:, 1:]])
    assert len(np.unique(drawn)) == drawn.size  # each image, each pass and each draw has its own
    assert np.abs(drawn.mean(0) - 0.5).max() < 0.06
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2

    again = passes(image_batches(split, [Draw()], 64, seed=5))  # whatever the threads did
    np.testing.assert_array_equal(again[0][0], first)
    np.testing.assert_array_equal(again[1][0], second)
    other = passes(image_batches(split, [Draw()], 64, seed=6), 1)[0][0]
    assert (other[:, 0] != first[:, 0]).mean() > 0.9
    assert not set(other[:, 1]) & set(first[:, 1])


def test_layers_do_not_share_their_random_numbers(split):
    class Pair(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.one, self.two = Draw(), Draw()

        def call(self, images, training=False):
            return ops.concatenate([d(images, training=training)[1:] for d in (self.one, self.two)])

    images = passes(image_batches(split, [Pair()], 50, seed=0), 1)[0][0]
    assert len(np.unique(images)) == 4 * 250


def test_targets(split):
    batches = image_batches(split, [Draw()], 100, targets=lambda y: ops.one_hot(y, 500))
    _, targets = passes(batches, 1)[0]
    np.testing.assert_array_equal(targets.argmax(-1), 2 * np.arange(250))


def test_training_needs_a_full_batch(split):
    with pytest.raises(ValueError, match="full batch. Received: 250 images and batch_size=251"):
        image_batches(split, [Draw()], 251, seed=0)
    assert len(image_batches(split, [Draw()], 251)) == 1


@pytest.fixture
def photos(tmp_path):
    """Eleven and two files of three formats and three sizes."""
    rng = np.random.default_rng(0)
    for i in range(13):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), "uint8"))
        path = tmp_path / "ab"[i % 2] / f"{i}.{['jpg', 'png', 'gif'][i // 5]}"
        path.parent.mkdir(exist_ok=True)
        width = (26, 37, 41)[i // 5]
        coarse.resize((width, 33), Image.Resampling.BICUBIC).save(path)
    return datasets.load(str(tmp_path))


def test_evaluation_is_the_same_on_every_backend(photos):
    """And is what the layers give, one by one, for what the split gives."""
    layers = [RescaleShortSide(28), CropAndFlip(20), SubtractMean("channel", (100, 110, 120))]
    given = passes(image_batches(photos.train, layers, 3), 1)[0]
    plain = passes(_ImageBatches(photos.train, layers, 3, None, lambda y: y), 1)[0]
    for index in range(len(photos.train)):
        image, label = photos.train[index]
        for layer in layers:
            image = layer(image, training=False)
        np.testing.assert_allclose(given[0][index], ops.convert_to_numpy(image), atol=1e-3)
        assert given[1][index] == label
    np.testing.assert_allclose(plain[0], given[0], atol=1e-3)
    np.testing.assert_array_equal(plain[1], given[1])


def test_fit_repeats_from_the_seed(photos):
    layers = [CropAndFlip(20), PCAColorJitter(), SubtractMean("channel", (100, 110, 120))]
    inputs = keras.Input((20, 20, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    start = model.get_weights()

    def fit(seed):
        keras.utils.set_random_seed(1)
        model.set_weights(start)
        return model.fit(
            image_batches(photos.train, layers, 4, seed),
            validation_data=image_batches(photos.validation, layers, 4),
            epochs=2,
            shuffle=False,
            verbose=0,
        ).history

    history = fit(0)
    assert fit(0) == history
    assert fit(1)["loss"] != history["loss"]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data")
@pytest.mark.parametrize("worker", [0, 1])
def test_what_a_worker_sees_and_mixes_by(split, worker):
    """Its share of each step, in chunks that are numbered; the same image draws the same."""
    place = strategies.Replicas(worker, workers=2, local=2)
    (whole, _), _ = passes(image_batches(split, [Draw()], 40, seed=5))

    def mix(images, labels, number, index):
        return images, ops.stack([labels, labels * 0 + ops.cast(number * 100 + index, "int32")], 1)

    batches = image_batches(split, [Draw()], 40, seed=5, place=place, mix=mix)
    assert len(batches) == 6
    seen = [(x.numpy(), y.numpy()) for x, y in batches]
    assert [len(x) for x, _ in seen] == [10] * 12
    for step in range(6):
        mine = np.concatenate([x for x, _ in seen[2 * step : 2 * step + 2]])
        np.testing.assert_array_equal(mine, whole[40 * step : 40 * step + 40][worker::2])
    assert [y[0, 1] for _, y in seen] == list(range(12))
    batches.position.done = 4  # resumed within the pass
    rest = [(x.numpy(), y.numpy()) for x, y in batches]
    assert len(rest) == 4
    for (x, y), (again_x, again_y) in zip(seen[8:], rest, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data")
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_evaluate_each_image_once(split, workers):
    seen = []
    for worker in range(workers):
        place = strategies.Replicas(worker, workers, local=2)
        batches = image_batches(split, [Draw()], 64, place=place)
        labels = [y.numpy() for _, y in batches]
        assert len(labels) == 2 * len(batches) == 8
        seen += labels
    assert sorted(np.concatenate(seen)) == list(2 * np.arange(250))
    assert {len(part) for part in seen} <= {250 // len(seen), 250 // len(seen) + 1}
