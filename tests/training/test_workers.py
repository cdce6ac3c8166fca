"""Processes that read photographs for JAX and PyTorch."""

import gc
import os

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets
from keras_classics.preprocessing import AreaAspectCrop, CropAndFlip, RescaleShortSide, SubtractMean
from keras_classics.training import inputs
from keras_classics.training.workers import Workers

MEAN = (100.0, 110.0, 120.0)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A split of JPEG and PNG files, smooth, of which one is damaged: the last."""
    folder, random, paths = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0), []
    for k in range(9):
        coarse = Image.fromarray(random.integers(0, 256, (7, 9, 3), "uint8"))
        paths.append(str(folder / f"{k}.{'png' if k == 3 else 'jpg'}"))
        coarse.resize((330 + k, 250), Image.Resampling.BICUBIC).save(paths[-1], quality=90)
    content = (folder / "8.jpg").read_bytes()
    (folder / "8.jpg").write_bytes(content[: len(content) // 2])
    return datasets.Files(paths, np.arange(9))


def layers():
    return [RescaleShortSide((40, 90)), CropAndFlip(32), SubtractMean("channel", MEAN)]


@pytest.fixture(scope="module")
def workers(photographs):
    built = layers()
    built[-1].build((None, None, None, 3))
    return Workers(photographs, built, True, 1)


def test_examples_follow_from_their_keys(workers):
    for index in (0, 3):
        image, label = workers.example(index, 17)
        assert (image.shape, image.dtype, label) == ((32, 32, 3), np.float32, index)
        np.testing.assert_array_equal(workers.example(index, 17)[0], image)
        assert np.abs(workers.example(index, 18)[0] - image).mean() > 1


def test_they_are_what_the_layers_give(photographs):
    """But for the rounding of Pillow, and for what is decoded in small."""
    mean = SubtractMean("channel", MEAN)
    for chain in (
        [RescaleShortSide(240), CropAndFlip((190, 200)), mean],
        [RescaleShortSide(70), CropAndFlip(60), mean],
        [AreaAspectCrop(48), mean],
    ):
        for index in (0, 3):
            image, _ = inputs.windowed_example(photographs, chain, index, 5, False)
            expected = keras.ops.convert_to_numpy(inputs.apply(chain, photographs[index][0]))
            np.testing.assert_allclose(image, expected, atol=0.02)
            image, _ = inputs.windowed_example(photographs, chain, index, 5, True)
            expected = inputs.apply(chain, photographs[index][0], 5, True)
            near = np.abs(image - keras.ops.convert_to_numpy(expected)).mean()
            assert 0.1 < near < 0.7


def test_an_error_is_the_readers(workers, photographs):
    with pytest.raises(ValueError, match=r"8\.jpg cannot be decoded: .*Save it as JPEG or PNG"):
        workers.example(8, 0)
    assert workers.example(0, 0)[1] == 0  # and the worker goes on


def test_a_damaged_file_is_replaced_as_without_workers(photographs, monkeypatch):
    """Whether it is met by a worker, or known before."""
    monkeypatch.setattr(inputs, "LONG", 9)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    seen = []
    for known in ({}, {8: "known"}):
        split = photographs.take(range(9))
        split.damaged |= known
        batches = inputs._ImageBatches(split, layers(), 9, 3, lambda y: y, inputs.Position())
        assert batches.processes
        images, labels = batches[0]
        assert [*split.damaged] == [8]
        assert sorted(labels) == [0, 0, *range(1, 8)]
        seen.append(images[np.argsort(labels, kind="stable")])
    np.testing.assert_array_equal(*seen)


def test_batches_of_a_long_epoch(photographs, monkeypatch):
    monkeypatch.setattr(inputs, "LONG", 8)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    split = photographs.take(range(8))
    position = inputs.Position()

    def begin():
        return inputs._ImageBatches(split, layers(), 4, 3, lambda labels: labels, position)

    batches = begin()
    assert batches.processes
    seen = [batches[k] for k in range(2)]
    assert sorted(np.concatenate([labels for _, labels in seen])) == list(range(8))
    position.step = 1  # resumed within the epoch, by others
    image, labels = begin()[0]
    np.testing.assert_array_equal(image, seen[1][0])
    np.testing.assert_array_equal(labels, seen[1][1])


def test_layers_that_no_other_process_knows_are_called_in_this_one(photographs, monkeypatch):
    class Mine(CropAndFlip):
        pass

    monkeypatch.setattr(inputs, "LONG", 8)
    split = photographs.take(range(8))
    batches = inputs._ImageBatches(split, [Mine(32)], 4, 3, lambda y: y, inputs.Position())
    assert batches.processes is None
    assert batches[0][0].shape == (4, 32, 32, 3)


def test_a_worker_that_is_killed_and_one_that_is_let_go(photographs):
    made = Workers(photographs, [CropAndFlip(32)], True, 1)
    process = made.idle.get()
    made.idle.put(process)
    process.kill()
    process.wait()
    with pytest.raises(RuntimeError, match=r"ended, perhaps.*Received: exit status -9"):
        made.example(0, 0)
    made = Workers(photographs, [CropAndFlip(32)], True, 1)
    process = made.idle.get()
    made.idle.put(process)
    del made
    gc.collect()
    assert process.poll() is not None
