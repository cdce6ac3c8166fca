"""Folders of images as shards: what is written, read, resumed and refused."""

import hashlib
import io
import json
import math
import multiprocessing
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import backend, datasets, training
from keras_classics.datasets import packing, shards
from keras_classics.training import checkpoint, identity, imaging
from keras_classics.training.inputs import Position, image_batches
from tests.training import tiny

CLASSES = ("cat", "cow", "dog")


def encoded(image, format="JPEG", **more):
    file = io.BytesIO()
    image.save(file, format, **more)
    return file.getvalue()


def write(root, count=20, splits=("train", "val"), size=(12, 16)):
    """Writes tiny images, no two of the same colours. Some files end in zeros, as some do."""
    random = np.random.default_rng(0)
    for split in splits:
        for name in CLASSES:
            (root / split / name).mkdir(parents=True)
            for k in range(count):
                pixels = random.integers(256, size=(*size, 3), dtype="uint8")
                content = encoded(Image.fromarray(pixels)) + bytes(k % 3)
                (root / split / name / f"{k}.jpg").write_bytes(content)
    return root


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of 60 images to train with, and 60 others."""
    return write(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="module")
def packed(files, tmp_path_factory):
    """The same in 5 shards to train with, and 5 others."""
    folder = tmp_path_factory.mktemp("packed")
    packing.pack(datasets.image_folder(files), folder, shards=5, verbose=0)
    return folder


@pytest.fixture
def copy(packed, tmp_path):
    """A copy of the packed folder, to be damaged."""
    return pathlib.Path(shutil.copytree(packed, tmp_path / "copy"))


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_record_is_its_file(files, packed):
    data, folder = datasets.load(packed), datasets.image_folder(files)
    assert data.classes == folder.classes == CLASSES
    for part, split in folder.parts.items():
        contents = {pathlib.Path(path).read_bytes(): k for k, path in enumerate(split.paths)}
        found = [contents[data.parts[part].encoded(k)] for k in range(len(split))]
        assert sorted(found) == list(range(60)) != found  # mixed
        np.testing.assert_array_equal(data.parts[part].labels, split.labels[found])
        for k in (0, -1, 59):
            (image, label), (same, number) = data.parts[part][k], split[found[k]]
            np.testing.assert_array_equal(image, same)
            assert label == number
    with pytest.raises(IndexError):
        data.train[60]


def batches(data, position):
    """The images and labels of the batches that are left of an epoch."""
    made = image_batches(data.train, [keras.layers.Rescaling(1.0)], 8, seed=3, position=position)
    if hasattr(made, "on_epoch_begin"):
        made.on_epoch_begin()
    if hasattr(made, "num_batches"):
        made = map(made.__getitem__, range(made.num_batches))
    return [[keras.ops.convert_to_numpy(part) for part in batch] for batch in made]


def at(epoch, step=0):
    position = Position()
    position.epoch, position.step = epoch, step
    return position


def test_the_order_follows_from_seed_and_epoch(packed, monkeypatch):
    monkeypatch.setattr(shards, "WINDOW", 2)
    split = datasets.load(packed).train
    orders = [split.order(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(60))
        windows = [{k // 12 for k in part} for part in np.split(order, (24, 48))]
        assert [len(window) for window in windows] == [2, 2, 1]  # no shard is in two of them
    assert len({tuple(order) for order in orders}) == 4
    np.testing.assert_array_equal(split.order(1, 1), datasets.load(packed).train.order(1, 1))
    assert not np.array_equal(np.sort(orders[0][:24]), orders[0][:24])


def test_an_epoch_goes_on_from_any_step(packed):
    data = datasets.load(packed)
    whole = batches(data, at(2))
    labels = data.train.labels[data.train.order(3, 2)][: len(whole) * 8]
    np.testing.assert_array_equal(np.concatenate([y for _, y in whole]), labels)
    for step in (1, 5):
        for (x, y), (same, label) in zip(batches(data, at(2, step)), whole[step:], strict=True):
            np.testing.assert_array_equal(x, same)
            np.testing.assert_array_equal(y, label)


@pytest.mark.skipif(not backend.has_tf_data(), reason="several workers take tf.data")
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_the_records(workers, packed):
    """Together they have the batches of one, whose images they take in turn."""
    data = datasets.load(packed)
    records = [
        np.array([*data.train.records(np.array([3, 1]), w, workers).as_numpy_iterator()])
        for w in range(workers)
    ]
    order = data.train.order(3, 1)
    for worker, own in enumerate(records):
        np.testing.assert_array_equal(own, order[worker::workers])


@pytest.mark.skipif(not backend.has_tf_data(), reason="tf.data")
def test_evaluation_is_in_order(packed):
    data = datasets.load(packed)
    made = image_batches(data.train, [keras.layers.Rescaling(1.0)], 7)
    images, labels = tiny.as_arrays(made)
    np.testing.assert_array_equal(labels, data.train.labels)
    np.testing.assert_array_equal(images, [data.train[k][0] for k in range(60)])
    for record in data.train.records().take(3):  # one by one, too
        image, label = data.train.decode(record)
        np.testing.assert_array_equal(image, data.train[int(record)][0])
        assert label == data.train.labels[int(record)]
    for k, (contents, _) in enumerate(data.train.read_ahead(pairs(data.train.records()))):
        content, label = data.train.content(contents)
        assert content.numpy() == data.train.encoded(k)
        assert label == data.train.labels[k]


def pairs(records):
    """A dataset of tuples, as those with keys are."""
    import tensorflow as tf

    return tf.data.Dataset.zip(records, records)


def in_another_process(split, queue):
    queue.put([split.encoded(k) for k in range(60)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_and_threads(method, packed, monkeypatch):
    if method == "fork" and keras.backend.backend() != "torch":
        pytest.skip("no process with their threads may be forked")
    monkeypatch.setattr(shards, "OPEN", 2)  # so that readers come and go
    split = datasets.load(packed).train
    contents = [split.encoded(k) for k in range(60)]
    rows = np.random.default_rng(0).integers(60, size=2000)
    with ThreadPoolExecutor(8) as threads:
        for row, content in zip(rows, threads.map(split.encoded, rows), strict=True):
            assert content == contents[row]
    assert len(split._readers) == 2
    if method == "spawn":
        copy = pickle.loads(pickle.dumps(split))
        assert [copy.encoded(k) for k in range(60)] == contents
    else:
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=in_another_process, args=(split, queue))
        process.start()
        assert queue.get(timeout=60) == contents
        process.join()


def test_a_training_on_shards_is_resumed(packed, tmp_path, monkeypatch):
    """Within an epoch, bit for bit; and not with other shards."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    if keras.backend.backend() != "torch":
        monkeypatch.setattr(backend, "steps_per_execution", lambda steps: 1)

    class StopAt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.params["epochs"] and self.model.optimizer.iterations == 18:  # of 2 x 15
                raise tiny.Break

    def train(name, data, **more):
        return training.train(
            tiny.Tiny(), data, tmp_path / name, builder=tiny.network, verbose=0, **more
        )

    data = datasets.load(packed)
    whole = train("whole", data)
    with pytest.raises(tiny.Break):
        train("run", data, callbacks=[StopAt()])
    assert not (tmp_path / "run" / "model.keras").exists()
    run = train("run", datasets.load(packed), resume=True)
    assert run.history == whole.history
    for a, b in zip(run.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    stated = run.manifest["data"]["splits"]["train"]
    assert stated == f"shards and labels, sha256 {data.train.digest}"
    others = identity.of_data(datasets.load(packed, upright=True), {})
    assert others["splits"] == run.manifest["data"]["splits"]
    assert others["upright"]
    data.train.labels = data.train.labels[::-1]
    assert identity.of_data(data, {})["splits"]["train"] != stated


class Stop(BaseException):
    """What interrupts a packing; no error of an image."""


def stopping(monkeypatch, after):
    """Lets a packing stop at an image. Returns a list of those that were prepared."""
    seen, prepared = [], packing._prepared

    def counted(*arguments):
        seen.append(arguments[0])
        if len(seen) > after:
            raise Stop
        return prepared(*arguments)

    monkeypatch.setattr(packing, "_prepared", counted)
    return seen


def test_an_interrupted_packing_goes_on(files, packed, tmp_path, monkeypatch):
    data, out, whole = datasets.image_folder(files), tmp_path / "out", digests(packed)
    for after in (0, 30, 30, 50):
        with monkeypatch.context() as patch:
            stopping(patch, after)
            with pytest.raises(Stop):
                packing.pack(data, out, shards=5, verbose=0)
        for name, digest in digests(out).items():  # what has a name is whole
            assert not name.endswith((".array_record", ".npy")) or digest == whole[name]
        assert not (out / "shards.json").exists()
        with pytest.raises(FileNotFoundError, match=r"out is not packed to the end.*same command"):
            datasets.load(out)
    (out / "part-1234-train-00004-of-00005.array_record").write_bytes(b"of a killed process")
    done = len(list(out.glob("*-of-00005.json")))
    seen = stopping(monkeypatch, math.inf)
    packing.pack(data, out, shards=5, verbose=0)
    assert 5 < done < 10
    assert len(seen) == 12 * (10 - done)
    assert digests(out) == whole
    packing.pack(data, out, shards=5, verbose=0)
    assert len(seen) == 12 * (10 - done)  # it is there already


KILLED = """
import os, sys
from keras_classics.__main__ import main
from keras_classics.datasets import packing
prepared, left = packing._prepared, list(range(40))
def kill(*arguments):
    left and left.pop() or os.kill(os.getpid(), 9)
    return prepared(*arguments)
packing._prepared = kill
main(sys.argv)
"""


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="files are alike on all")
def test_a_killed_command_goes_on(files, packed, tmp_path):
    words = ["pack", str(files), str(tmp_path / "out"), "--shards=5"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".json", ".array_record"}
    command = [sys.executable, "-m", "keras_classics", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "out: 60 train, 60 validation in 10 shards, " in done.stdout
    assert digests(tmp_path / "out") == digests(packed)


def test_the_mean_is_that_of_a_sample(packed, monkeypatch):
    """As of files: a million need not be read before a training."""
    data = datasets.load(packed)
    images = [data.train[k][0] for k in range(60)]
    mean, stated = imaging.mean_of(tiny.Tiny(), data)
    assert stated == {"images": 60, "of": 60}
    np.testing.assert_allclose(mean, np.mean(images, axis=(0, 1, 2)), atol=2)
    monkeypatch.setattr(imaging, "SAMPLE", 20)
    _, stated = imaging.mean_of(tiny.Tiny(), data)
    assert (stated["images"], stated["of"]) == (20, 60)


def test_another_packing_is_refused(files, packed, tmp_path):
    data = datasets.image_folder(files)
    with pytest.raises(FileExistsError, match=r"other images or options.*another short_side"):
        packing.pack(data, packed, shards=5, short_side=10, verbose=0)
    with pytest.raises(FileExistsError, match=r"another shards, seed"):
        packing.pack(data, packed, shards=4, seed=1, verbose=0)
    others = datasets.image_folder(write(tmp_path / "others", 4))
    with pytest.raises(FileExistsError, match=r"another source"):
        packing.pack(others, packed, shards=5, verbose=0)
    with pytest.raises(FileExistsError, match=r"photographs.*exists already, and is no packed"):
        packing.pack(data, files, verbose=0)
    arrays = datasets.wrap(*[(np.zeros((2, 3, 3, 3), "uint8"), [0, 1])] * 2)
    with pytest.raises(ValueError, match=r"must be a folder of images.*train of own is Arrays"):
        packing.pack(arrays, tmp_path / "out")
    with pytest.raises(ValueError, match=r"`quality` must be .*from 1 to 100. Received: quality=0"):
        packing.pack(data, tmp_path / "out", quality=0)
    assert not (tmp_path / "out").exists()


def test_a_full_disk(files, tmp_path, monkeypatch):
    class Writer:
        def __init__(self, path, options):
            pathlib.Path(path).touch()

        def write(self, content):
            raise RuntimeError("write() failed: No space left on device; writing /dev/full")

    with monkeypatch.context() as patch:
        patch.setattr(shards.array_record(), "ArrayRecordWriter", Writer)
        with pytest.raises(OSError, match=r"train-00000-of-00001.array_record could .*space"):
            packing.pack(datasets.image_folder(files), tmp_path / "out", verbose=0)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["packing.json"]
    packed = packing.pack(datasets.image_folder(files), tmp_path / "out", verbose=0)
    assert len(packed.train.shards) == 1


def test_a_flipped_byte_is_no_image(copy):
    path = copy / "train-00002-of-00005.array_record"
    data = datasets.load(copy)
    content = bytearray(path.read_bytes())
    content[content.index(data.train.encoded(27)) + 300] ^= 16
    path.write_bytes(content)
    data = datasets.load(copy)
    read, errors = 0, []
    for k in range(60):
        try:
            data.train.encoded(k)
            read += 1
        except OSError as error:
            errors.append(str(error))
    assert read == 59
    assert "train-00002-of-00005.array_record, record 3, is damaged" in errors[0]
    with pytest.raises(
        Exception, match=r"train-00002-of-00005.array_record, record \d+, is damaged"
    ):
        batches(data, at(0))
    assert [*datasets.verify(copy)] == [str(path)]
    assert "SHA-256" in datasets.verify(copy)[str(path)]


def test_verify(copy):
    assert datasets.verify(copy) == {}
    names = [f"train-0000{k}-of-00005.array_record" for k in range(3)]
    (copy / names[0]).unlink()
    (copy / names[1]).write_bytes((copy / names[1]).read_bytes()[:-1])
    labels = copy / "validation-labels.npy"
    labels.write_bytes(labels.read_bytes()[:-4] + bytes(4))
    found = {pathlib.Path(path).name: why for path, why in datasets.verify(copy).items()}
    assert set(found) == {*names[:2], labels.name}
    assert "There is no shard" in found[names[0]]
    assert "must have" in found[names[1]]


def test_what_is_no_packed_folder(copy):
    shard = copy / "validation-00001-of-00005.array_record"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"validation-00001.* must have [\d,]+ bytes. Received: "):
        datasets.load(copy)
    shard.write_bytes(bytes(len(content)))  # as a copy may be that was interrupted
    with pytest.raises(ValueError, match=r"must have 12 records. Received: 0. Get it again"):
        datasets.load(copy).validation.encoded(13)
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no shard .*validation-00001-of-00005"):
        datasets.load(copy)
    shard.write_bytes(content)
    (copy / "train-labels.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"train-labels.npy is damaged"):
        datasets.load(copy)
    (copy / "train-labels.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"train-labels.npy, which shards.json names"):
        datasets.load(copy)
    manifest = json.loads((copy / "shards.json").read_text())
    (copy / "shards.json").write_text(json.dumps({**manifest, "format": "others 2"}))
    with pytest.raises(ValueError, match=r"must have the format .*Received: 'others 2'"):
        datasets.load(copy)
    (copy / "shards.json").write_text("{")
    with pytest.raises(ValueError, match=r"shards.json is damaged"):
        datasets.load(copy)
    with pytest.raises(FileNotFoundError, match=r"is no folder of packed shards"):
        datasets.verify(copy.parent)
    with pytest.raises(ValueError, match=r"need as many labels. Received: \(3,\)"):
        datasets.Shards([shards.Shard(str(shard), 12, len(content), "")], [0, 1, 2])


def test_a_packed_folder_by_its_name(packed):
    assert not datasets.is_folder(packed)
    assert datasets.size(packed) == (3, None)
    with pytest.raises(ValueError, match=r"`classes` are the sub-folders of a folder of images"):
        datasets.load(packed, classes=["cat", "dog"])


def test_damaged_images_are_left_out(tmp_path):
    folder = write(tmp_path / "photographs", 6)
    (folder / "train" / "cat" / "2.jpg").write_bytes(b"no image")
    (folder / "val" / "dog" / "0.jpg").write_bytes(b"")
    (folder / "train" / "cow" / "1.jpg").unlink()  # which is not missed
    data = datasets.image_folder(folder)
    with pytest.warns(UserWarning, match=r"2 files of .* are left out: .*2.jpg \(not a JPEG"):
        packed = packing.pack(data, tmp_path / "out", shards=3, verbose=0)
    assert np.bincount(packed.train.labels).tolist() == [5, 5, 6]
    assert np.bincount(packed.validation.labels).tolist() == [6, 6, 5]
    contents = [packed.train.encoded(k) for k in range(16)]
    for k, path in enumerate(data.train.paths):
        if not path.endswith("cat/2.jpg"):
            found = contents.index(pathlib.Path(path).read_bytes())
            assert packed.train.labels[found] == data.train.labels[k]
    splits = json.loads((tmp_path / "out" / "shards.json").read_text())["splits"]
    assert [*splits["train"]["left_out"]] == ["train/cat/2.jpg"]
    data = datasets.image_folder(folder, corrupt="refuse")
    with pytest.raises(ValueError, match=r"(0|2).jpg cannot be decoded: not a JPEG"):
        packing.pack(data, tmp_path / "other", verbose=0)
    for path in (folder / "train" / "cat").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"no image left that can be decoded for cat"):
        packing.pack(datasets.image_folder(folder), tmp_path / "third", verbose=0)
    assert not (tmp_path / "third" / "shards.json").exists()


def test_a_file_that_cannot_be_read_is_no_damaged_image(tmp_path):
    data = datasets.image_folder(write(tmp_path / "photographs", 2))
    pathlib.Path(data.train.paths[3]).unlink()
    with pytest.raises(ValueError, match=r"cow/1.jpg cannot be read \(No such file.*same call"):
        packing.pack(data, tmp_path / "out", verbose=0)


def test_short_side(tmp_path):
    """Larger images become smaller, in the orientation that is noted; others stay as they are."""
    exif = Image.Exif()
    exif[0x0112] = 6  # is to be turned by a quarter
    shades = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    small, turned = encoded(shades.resize((30, 20)), "PNG"), encoded(shades, exif=exif)
    for split in ("train", "val"):
        for name, content in [("a", small), ("b", turned), ("c", encoded(shades, "TIFF"))]:
            (tmp_path / "in" / split / name).mkdir(parents=True)
            (tmp_path / "in" / split / name / "1.jpg").write_bytes(content)
    data = datasets.image_folder(tmp_path / "in")
    packing.pack(data, tmp_path / "out", short_side=32, verbose=0)
    for upright, size in [(False, (32, 48)), (True, (48, 32))]:
        packed = datasets.load(tmp_path / "out", upright=upright).train
        place = {int(label): k for k, label in enumerate(packed.labels)}
        assert packed.encoded(place[0]) == small
        assert packed[place[1]][0].shape == (*size, 3)
        assert packed[place[2]][0].shape == (32, 48, 3)
        expected = np.asarray(shades.resize((48, 32), Image.Resampling.LANCZOS), "float")
        if upright:
            expected = np.rot90(expected, -1)
        assert abs(packed[place[1]][0] - expected).mean() < 2
    splits = json.loads((tmp_path / "out" / "shards.json").read_text())["splits"]
    assert splits["train"]["rescaled"] == 2
    data = datasets.image_folder(tmp_path / "in", upright=True)
    assert packing.pack(data, tmp_path / "upright", verbose=0).train.upright
    assert datasets.load(tmp_path / "upright").train.upright


def test_without_array_record(packed, monkeypatch):
    monkeypatch.setitem(sys.modules, "array_record.python", None)
    shards.array_record.cache_clear()
    with pytest.raises(ImportError, match=r'pip install "keras-classics\[pack\]"'):
        datasets.load(packed)


def test_default_number_of_shards(files, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "RECORDS", 25)
    data = datasets.image_folder(files)
    few = data.validation.take(np.arange(50, 60))
    data = datasets.Images(data.name, data.classes, data.train, few, test=data.validation)
    packed = packing.pack(data, tmp_path / "out", verbose=0)
    assert [len(split.shards) for split in packed.splits] == [3, 1, 3]
    assert [shard.records for shard in packed.train.shards] == [20, 20, 20]
    assert [*packed.parts] == ["train", "validation", "test"]
    np.testing.assert_array_equal(np.sort(packed.test.labels), np.repeat([0, 1, 2], 20))
