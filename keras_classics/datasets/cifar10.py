"""CIFAR-10: 50,000 + 10,000 colour images of 32x32, in the official binary files.

Reference: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import tarfile
import zlib

import numpy as np

from keras_classics.datasets.files import locate

ABOUT = "50,000 + 10,000 colour images of 32x32, ten classes, six binary files"
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
RECORD = 1 + 3 * 32 * 32  # a label, then the planes of R, G and B


def read(split, data_dir=None):
    """The images (uint8, 0 to 255) and labels of `"train"` or `"test"`, in the files' order."""
    names = [f"data_batch_{n}.bin" for n in range(1, 6)] if split == "train" else ["test_batch.bin"]
    if data_dir is None:
        archive = locate("cifar10", "cifar-10-binary.tar.gz", URL)
        data_dir = archive.parent / "cifar-10-batches-bin"
        if not all((data_dir / name).is_file() for name in names):
            _unpack(archive)
    records = np.concatenate([_records(locate("cifar10", n, URL, data_dir)) for n in names])
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype("int32")


def _unpack(archive):
    try:
        with tarfile.open(archive) as members:
            members.extractall(archive.parent, filter="data")
    except (EOFError, OSError, tarfile.TarError, zlib.error) as error:
        raise ValueError(
            f"{archive} is truncated or is not a tar archive ({error}; its size is "
            f"{archive.stat().st_size:,} bytes). Remove it, and it is downloaded again from {URL}"
        ) from error


def _records(path):
    content = np.fromfile(path, np.uint8)
    if not len(content) or len(content) % RECORD:
        raise ValueError(
            f"{path} is not whole: expected records of {RECORD:,} bytes, received "
            f"{len(content):,} bytes. Get it again from {URL}"
        )
    records = content.reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise ValueError(
            f"{path} is not a file of CIFAR-10: expected labels from 0 to 9, received "
            f"{records[:, 0].max()}. Get it again from {URL}"
        )
    return records
