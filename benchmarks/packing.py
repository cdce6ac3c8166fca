"""Shards as `keras-classics pack` writes them, against other forms of the same photographs.

    python benchmarks/packing.py [--rounds=7] [read] [cold] [decode] [resume] [size]

The photographs are crops of those that scikit-learn and matplotlib carry, by chance, resized to
500x375 and written as JPEG of quality 90. Each candidate gives all of them once a round, in an
order by chance. Candidates that are not installed are left out: pip install grain webdataset torch.
"""

import argparse
import collections
import functools
import importlib.metadata
import importlib.util
import io
import itertools
import multiprocessing
import os
import pathlib
import re
import statistics
import tarfile
import tempfile
import time

import matplotlib
import numpy as np
import rounds
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from keras_classics import datasets
from keras_classics.training import inputs

IMAGES, SHARDS, BATCH = 3000, 16, 64
CORES = os.cpu_count()
FOLDER = pathlib.Path()  # of what is written


def photographs(count):
    """The contents of JPEG files of 500x375 pixels, about 52 KB each."""
    random = np.random.default_rng(0)
    sample = pathlib.Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    whole = [*map(Image.fromarray, load_sample_images().images), Image.open(sample).convert("RGB")]
    for k in range(count):
        image = whole[k % len(whole)]
        width, height = (int(random.uniform(0.5, 1) * side) for side in image.size)
        left, top = (
            int(random.integers(a - b + 1))
            for a, b in zip(image.size, (width, height), strict=True)
        )
        box = (left, top, left + width, top + height)
        file = io.BytesIO()
        image.crop(box).resize((500, 375), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        yield file.getvalue()


def decoded(content):
    """The pixels of a file, for readers in Python, where Pillow decodes."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


class Folder:
    """A file for each photograph, read by this library."""

    name, packages = "folder of files", ()

    def __init__(self):
        root = FOLDER / "folder"
        for k, content in enumerate(photographs(IMAGES)):
            path = root / "train" / f"{k % 10}" / f"{k:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for k in range(10):  # each class has an image to test with
            path = root / "val" / f"{k}" / "0.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.data = datasets.image_folder(root)
        self.paths = [pathlib.Path(path) for path in self.data.train.paths]

    def records(self, epoch, decode, first=0):
        split = self.data.train
        records = split.records(tf.constant([0, epoch], tf.int64)).skip(first)
        read = inputs._read(split, tf.data.Dataset.zip((records,)))
        give = split.decode if decode else split.content
        return read.map(lambda record: give(record)[0], tf.data.AUTOTUNE).batch(BATCH).prefetch(2)


class Shards(Folder):
    """What `keras-classics pack` writes, read by this library."""

    name, packages = "shards", ("array_record",)

    def __init__(self, folder):
        self.data = datasets.pack(folder.data, FOLDER / "shards", SHARDS, verbose=0)
        self.paths = [pathlib.Path(shard.path) for shard in self.data.train.shards]


class Grain:
    """The same files, read by Grain in its threads, with its order by chance."""

    name, packages = "ArrayRecord, Grain", ("grain",)

    def __init__(self, shards):
        import grain

        self.paths = shards.paths
        self.source = grain.sources.ArrayRecordDataSource([*map(str, self.paths)])

    def records(self, epoch, decode, first=0):
        import grain

        data = grain.MapDataset.source(self.source).shuffle(seed=epoch)
        data = data[first:].map(decoded) if decode else data[first:]
        data = data.batch(BATCH, batch_fn=list)
        return data.to_iter_dataset(grain.ReadOptions(num_threads=16, prefetch_buffer_size=500))


class TFRecord:
    """TFRecord files, interleaved by tf.data, which shuffles within 1,024 records."""

    name, packages = "TFRecord, tf.data", ("tensorflow",)

    def __init__(self):
        self.paths = [FOLDER / f"{k:05}.tfrecord" for k in range(SHARDS)]
        for path, contents in zip(self.paths, parts(), strict=True):
            with tf.io.TFRecordWriter(str(path)) as file:
                for content in contents:
                    file.write(content)

    def records(self, epoch, decode, first=0):
        paths = tf.data.Dataset.from_tensor_slices([*map(str, self.paths)]).shuffle(SHARDS, epoch)
        data = paths.interleave(tf.data.TFRecordDataset, SHARDS, num_parallel_calls=CORES)
        data = data.shuffle(1024, epoch).skip(first)
        if decode:
            jpeg = functools.partial(tf.io.decode_jpeg, channels=3, dct_method="INTEGER_ACCURATE")
            data = data.map(jpeg, tf.data.AUTOTUNE)
        return data.batch(BATCH).prefetch(2)


class WebDataset:
    """Tar files, read by WebDataset, which shuffles within 1,024 records, in PyTorch's workers."""

    name, packages = "tar, WebDataset", ("webdataset", "torch")

    def __init__(self):
        self.paths = [FOLDER / f"{k:05}.tar" for k in range(SHARDS)]
        for path, contents in zip(self.paths, parts(), strict=True):
            with tarfile.open(path, "w") as file:
                for k, content in enumerate(contents):
                    member = tarfile.TarInfo(f"{k:05}.jpg")
                    member.size = len(content)
                    file.addfile(member, io.BytesIO(content))
        self.loaders = {}

    def records(self, epoch, decode, first=0):
        import torch
        import webdataset

        if decode not in self.loaders:  # whose processes stay from one epoch to the next
            data = webdataset.WebDataset([*map(str, self.paths)], shardshuffle=SHARDS)
            data = data.shuffle(1024).to_tuple("jpg")
            data = data.map_tuple(decoded) if decode else data
            self.loaders[decode] = torch.utils.data.DataLoader(
                data.batched(BATCH, collation_fn=list),
                batch_size=None,
                num_workers=CORES,
                multiprocessing_context="forkserver",
                persistent_workers=True,
            )
        return itertools.islice(self.loaders[decode], first // BATCH, None)


def parts():
    """The photographs of each of the shards, in an order by chance."""
    contents = [*photographs(IMAGES)]
    order = np.random.default_rng(0).permutation(IMAGES)
    return [[contents[k] for k in part] for part in np.array_split(order, SHARDS)]


@functools.cache
def candidates():
    """Shards first, and the others that are installed."""
    folder = Folder()
    found = [Shards(folder), folder]
    for kind, arguments in ((Grain, found[:1]), (TFRecord, ()), (WebDataset, ())):
        missing = [name for name in kind.packages if not importlib.util.find_spec(name)]
        if missing:
            print(f"{kind.name} is left out: {', '.join(missing)} is not installed")
        else:
            found.append(kind(*arguments))
    return found


def exhaust(batches, count=None):
    """Takes so many batches, and keeps none."""
    collections.deque(itertools.islice(batches, count), maxlen=0)


def busy():
    """Seconds of the processors, of this process and of PyTorch's workers."""
    ticks = 0
    for child in multiprocessing.active_children():
        fields = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def compare(title, count, images=None, decode=False, first=0, before=None):
    """Prints medians of rounds in which the candidates take turns.

    Of all images these are images a second; otherwise milliseconds to the first batch. Beside
    them stand the processors' microseconds for an image, which other programs disturb less.
    """
    everyone, times = candidates(), collections.defaultdict(list)
    for number in range(count + 1):  # the first one traces, and fills caches
        for each in everyone[number % len(everyone) :] + everyone[: number % len(everyone)]:
            if before:
                before(each)
            batches = each.records(number, decode, first)
            take, start = None if images else 1, busy()
            seconds = rounds.seconds(functools.partial(exhaust, batches, take))
            times[each].append((seconds, busy() - start))
    print(f"\n{title}\n{'':20} {'median':>9}    min ..   max   processors")
    for each, found in times.items():
        seconds, own = zip(*found[1:], strict=True)
        shown = [images / t if images else 1000 * t for t in seconds]
        used = f"{1e6 * statistics.median(own) / images:8,.0f} us" if images else ""
        print(
            f"{each.name:20} {statistics.median(shown):9,.0f} {min(shown):6,.0f} .. "
            f"{max(shown):6,.0f}  {used}".rstrip(),
            flush=True,
        )


def read(count):
    compare("Records a second, in the page cache", count, IMAGES)


def cold(count):
    compare("Records a second, from the disk", count, IMAGES, before=forget)


def forget(candidate):
    """Takes a candidate's files out of the page cache."""
    for path in candidate.paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def decode(count):
    compare("Decoded images a second, in the page cache", count, IMAGES, decode=True)


def resume(count):
    title = "From the start to the first batch behind the middle of an epoch, milliseconds"
    compare(title, count, first=IMAGES // 2)


def size(count):
    """What is on the disk, and what has to be installed beside what this library needs."""
    base = closure(["keras-classics"])
    print("\nOn the disk; and installed beside what this library needs")
    for each in candidates():
        needed = closure(each.packages) - base
        stored = sum(path.stat().st_size for path in each.paths) / IMAGES
        megabytes = sum(map(installed, needed)) / 1e6
        print(
            f"{each.name:20} {len(each.paths):5} files, {stored:8,.0f} bytes a photograph; "
            f"{len(needed):3} packages, {megabytes:6.0f} MB: {', '.join(sorted(needed))}"
        )


def closure(names):
    """Packages and all that they need, without extras."""
    found, left = set(), [*names]
    while left:
        name = re.sub("[-_.]+", "-", left.pop()).lower()
        if name in found:
            continue
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        left += [re.match(r"[\w.-]+", each)[0] for each in requires if "extra ==" not in each]
    return found


def installed(name):
    return sum(
        file.locate().stat().st_size
        for file in importlib.metadata.files(name) or ()
        if file.locate().is_file()
    )


if __name__ == "__main__":
    comparisons = {f.__name__: f for f in (read, cold, decode, resume, size)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*comparisons, []], default=[])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        for name in arguments.names or comparisons:
            comparisons[name](arguments.rounds)
