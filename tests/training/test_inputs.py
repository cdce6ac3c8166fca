"""Photographs on their way into `fit`."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_classics import datasets
from keras_classics.preprocessing import CropAndFlip, PCAColorJitter, RescaleShortSide, SubtractMean
from keras_classics.training import strategies
from keras_classics.training.inputs import (
    Position,
    _ImageBatches,
    array_batches,
    image_batches,
)


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


def epochs(batches, position=None, count=2):
    """The images and labels of each epoch, as one array each."""
    result, position = [], position or Position()
    for position.epoch in range(count):
        if hasattr(batches, "on_epoch_begin"):
            batches.on_epoch_begin()
        pairs = [(ops.convert_to_numpy(x), ops.convert_to_numpy(y)) for x, y in batches]
        assert len(pairs) == len(batches)
        result.append([np.concatenate(part) for part in zip(*pairs, strict=True)])
    return result


def test_evaluation_gives_all_in_order(split):
    batches = image_batches(split, [Draw()], 64)
    assert [len(y) for _, y in batches] == [64, 64, 64, 58]
    for images, labels in epochs(batches):
        np.testing.assert_array_equal(images, [(i, 0, 0) for i in range(250)])
        np.testing.assert_array_equal(labels, 2 * np.arange(250))


def test_training_draws_anew_and_repeats_from_the_seed(split):
    batches = image_batches(split, [Draw()], 64, seed=5)
    assert [len(y) for _, y in batches] == [64, 64, 64]  # full batches only

    def begin(seed, count=2):
        position = Position()
        batches = image_batches(split, [Draw()], 64, seed=seed, position=position)
        return epochs(batches, position, count)

    (first, labels), (second, _) = begin(5)
    np.testing.assert_array_equal(2 * first[:, 0], labels)
    assert len(np.unique(labels)) == 192
    assert (first[:, 0] != second[:, 0]).mean() > 0.9
    drawn = np.concatenate([first[:, 1:], second[:, 1:]])
    assert len(np.unique(drawn)) == drawn.size  # each image, epoch and draw has its own
    assert np.abs(drawn.mean(0) - 0.5).max() < 0.06
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2

    again = begin(5)  # whatever the threads did
    np.testing.assert_array_equal(again[0][0], first)
    np.testing.assert_array_equal(again[1][0], second)
    other = begin(6, 1)[0][0]
    assert (other[:, 0] != first[:, 0]).mean() > 0.9
    assert not set(other[:, 1]) & set(first[:, 1])


def test_layers_do_not_share_their_random_numbers(split):
    class Pair(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.one, self.two = Draw(), Draw()

        def call(self, images, training=False):
            return ops.concatenate([d(images, training=training)[1:] for d in (self.one, self.two)])

    images = epochs(image_batches(split, [Pair()], 50, seed=0), count=1)[0][0]
    assert len(np.unique(images)) == 4 * 250


def test_targets(split):
    batches = image_batches(split, [Draw()], 100, targets=lambda y: ops.one_hot(y, 500))
    _, targets = epochs(batches, count=1)[0]
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
    given = epochs(image_batches(photos.train, layers, 3), count=1)[0]
    plain = epochs(_ImageBatches(photos.train, layers, 3, None, lambda y: y, Position()), count=1)[
        0
    ]
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
    replicas, position = strategies.Replicas(worker, workers=2, local=2), Position()
    ((unbroken, _),) = epochs(image_batches(split, [Draw()], 40, seed=5), count=1)

    def mix(images, labels, number, index):
        return images, ops.stack([labels, labels * 0 + ops.cast(number * 100 + index, "int32")], 1)

    batches = image_batches(
        split, [Draw()], 40, seed=5, position=position, replicas=replicas, mix=mix
    )
    assert len(batches) == 6
    seen = [(x.numpy(), y.numpy()) for x, y in batches]
    assert [len(x) for x, _ in seen] == [10] * 12
    for step in range(6):
        mine = np.concatenate([x for x, _ in seen[2 * step : 2 * step + 2]])
        np.testing.assert_array_equal(mine, unbroken[40 * step : 40 * step + 40][worker::2])
    assert [y[0, 1] for _, y in seen] == list(range(12))
    position.step = 4  # resumed within the epoch
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
        replicas = strategies.Replicas(worker, workers, local=2)
        batches = image_batches(split, [Draw()], 64, replicas=replicas)
        labels = [y.numpy() for _, y in batches]
        assert len(labels) == 2 * len(batches) == 8
        seen += labels
    assert sorted(np.concatenate(seen)) == list(2 * np.arange(250))
    assert {len(part) for part in seen} <= {250 // len(seen), 250 // len(seen) + 1}


@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 3]), (11, [11]), (50, [11])])
def test_arrays_keep_the_order_and_the_rest(size, sizes):
    images = np.arange(11, dtype="float32").reshape(11, 1, 1, 1)
    labels = np.arange(11)
    for seed in (None, 3):
        given = list(array_batches(images, labels, size, seed, shuffle=False))
        assert [len(y) for _, y in given] == sizes
        np.testing.assert_array_equal(np.concatenate([np.asarray(y) for _, y in given]), labels)
        x = np.concatenate([np.asarray(x) for x, _ in given])
        np.testing.assert_array_equal(x, images)


def test_arrays_are_shuffled_in_each_epoch_and_repeat_from_the_seed(split):
    def begin(seed):
        position = Position()
        batches = array_batches(split.images, split.labels, 64, seed, position=position)
        assert len(batches) == 4
        return epochs(batches, position)

    (first, labels), (second, _) = begin(5)
    np.testing.assert_array_equal(2 * first[:, 0, 0, 0].astype(int), labels)
    assert sorted(labels) == sorted(split.labels)
    assert (first != second).mean() > 0.9
    for (x, y), (again_x, again_y) in zip(begin(5), [(first, labels), begin(5)[1]], strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
    assert (begin(6)[0][0] != first).mean() > 0.9


@pytest.mark.parametrize("in_memory", [False, True])
def test_an_epoch_that_goes_on(split, in_memory):
    """It has the rest of the batches, as they were, and the next one has all."""
    position = Position()
    if in_memory:
        batches = array_batches(split.images, split.labels, 50, 5, position=position)
    else:
        batches = image_batches(split, [Draw()], 50, 5, position=position)
    ((x, y),) = epochs(batches, position, count=1)
    position.step = 3
    if hasattr(batches, "on_epoch_begin"):
        batches.on_epoch_begin()
        rest = [batches[k] for k in range(batches.num_batches)]
    else:
        rest = list(batches)
    assert len(rest) == 2
    np.testing.assert_array_equal(np.concatenate([np.asarray(x) for x, _ in rest]), x[150:])
    np.testing.assert_array_equal(np.concatenate([np.asarray(y) for _, y in rest]), y[150:])


@pytest.mark.parametrize(("size", "step"), [(1, 700), (100, 3), (300, 4), (600, 1)])
def test_an_epoch_of_several_gathers(size, step):
    """Arrays are gathered some 500 images at a time, and the batches are the same."""
    images, position = np.arange(1300, dtype="float32").reshape(-1, 1, 1, 1), Position()
    batches = array_batches(images, np.arange(1300), size, 5, position=position)
    ((x, y),) = epochs(batches, position, count=1)
    np.testing.assert_array_equal(x.ravel(), y)
    assert sorted(y) == list(range(1300))
    position.step = step
    if hasattr(batches, "on_epoch_begin"):
        batches.on_epoch_begin()
        rest = [batches[k][1] for k in range(batches.num_batches)]
    else:
        rest = [np.asarray(y) for _, y in batches]
    assert [len(part) for part in rest[:-1]] == [size] * (len(rest) - 1)
    np.testing.assert_array_equal(np.concatenate(rest), y[step * size :])
