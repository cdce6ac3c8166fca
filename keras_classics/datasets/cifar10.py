"""CIFAR-10: 50,000 + 10,000 colour images of 32x32, in the official binary files.

Reference: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import os
import tarfile
import zlib

import numpy as np

from keras_classics.datasets.files import locate
from keras_classics.datasets.images import Images
from keras_classics.datasets.splits import Arrays

FOLDER = "cifar-10-batches-bin"
FILES = {"train": [f"data_batch_{n}.bin" for n in range(1, 6)], "test": ["test_batch.bin"]}
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def load(data_dir: str | os.PathLike | None = None) -> Images[Arrays]:
    """The data set.

    Args:
        data_dir: Folder of the binary files. Default: Keras's cache, into which they are
            downloaded.

    Raises:
        FileNotFoundError: If a file does not exist, and was not downloaded.
        ValueError: If a file is damaged.
    """
    return made("cifar10", read("train", data_dir), read("test", data_dir))


def made(
    name: str, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> Images[Arrays]:
    """A data set of CIFAR-10's kind, of uint8 images and labels."""
    return Images(name, tuple(CLASSES), Arrays(*train), Arrays(*test), held="test")


def read(split: str, data_dir: str | os.PathLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The images (uint8, 0 to 255) and labels of `"train"` or `"test"`, in the files' order."""
    return read_binary("cifar10", URL, FOLDER, FILES[split], len(CLASSES), data_dir)


def read_binary(
    name: str,
    url: str,
    folder: str,
    files: list[str],
    classes: int,
    data_dir: str | os.PathLike | None = None,
    labels: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads binary files of CIFAR. A record has labels, and the planes of R, G and B.

    Args:
        name: Name of the data set.
        url: Where the archive can be had.
        folder: Folder of the files in the archive.
        files: Names of the files.
        classes: Number of classes.
        data_dir: Folder of the files. Default: Keras's cache.
        labels: Labels of a record, of which the last one counts.

    Returns:
        uint8 images `(n, 32, 32, 3)` and int32 labels `(n,)`.
    """
    if data_dir is None:
        archive = locate(name, url.rpartition("/")[2], url)
        data_dir = archive.parent / folder
        if not all((data_dir / file).is_file() for file in files):
            _unpack(archive, url)
    records = np.concatenate(
        [_records(locate(name, file, url, data_dir), url, classes, labels) for file in files]
    )
    images = records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, labels - 1].astype("int32")


def _unpack(archive, url):
    try:
        with tarfile.open(archive) as members:
            members.extractall(archive.parent, filter="data")
    except (EOFError, OSError, tarfile.TarError, zlib.error) as error:
        raise ValueError(
            f"{archive} is truncated or is not a tar archive ({error}; its size is "
            f"{archive.stat().st_size:,} bytes). Remove it, and it is downloaded again from {url}"
        ) from error


def _records(path, url, classes, labels):
    record = labels + 3 * 32 * 32
    content = np.fromfile(path, np.uint8)
    if not len(content) or len(content) % record:
        raise ValueError(
            f"{path} is not whole: expected records of {record:,} bytes, received "
            f"{len(content):,} bytes. Get it again from {url}"
        )
    records = content.reshape(-1, record)
    highest = records[:, labels - 1].max()
    if highest >= classes:
        raise ValueError(
            f"{path} is not a file of CIFAR-{classes}: expected labels from 0 to {classes - 1}, "
            f"received {highest}. Get it again from {url}"
        )
    return records
