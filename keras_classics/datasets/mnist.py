"""MNIST: 60,000 + 10,000 digits, 20x20 in 28x28, in the official IDX files.

Reference: LeCun et al., Proc. IEEE 86(11), 1998, section III.A.
"""

import math
import os

import numpy as np

from keras_classics.datasets.files import locate, unpack
from keras_classics.datasets.images import Images
from keras_classics.datasets.splits import Digits

BOX = 20
URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"


def load(data_dir: str | os.PathLike | None = None) -> Images[Digits]:
    """The data set.

    Args:
        data_dir: Folder of the files. Default: Keras's cache, into which they are downloaded.

    Raises:
        FileNotFoundError: If a file does not exist, and was not downloaded.
        ValueError: If a file is damaged.
    """
    return made("mnist", read("train", data_dir), read("test", data_dir))


def made(
    name: str, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> Images[Digits]:
    """A data set of MNIST's kind, of uint8 images `(n, 28, 28)` and labels."""
    first, second = (Digits((x / np.float32(255))[..., None], y, BOX) for x, y in (train, test))
    return Images(name, Digits.classes, first, second, held="test")


def read(split: str, data_dir: str | os.PathLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The images (uint8 `(n, 28, 28)`, 0 to 255) and labels of `"train"` or `"test"`."""
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(f"{prefix}-images-idx3-ubyte.gz", 3, data_dir)
    labels = _read_idx(f"{prefix}-labels-idx1-ubyte.gz", 1, data_dir)
    if len(images) != len(labels):
        raise ValueError(
            f"MNIST's {split} files do not belong together: {len(images)} images, "
            f"{len(labels)} labels. Get both again from {URL}"
        )
    return images, labels


def _read_idx(filename, axes, data_dir):
    path = locate("mnist", filename, URL + filename, data_dir)
    content = unpack(path, URL + filename)
    magic = bytes([0, 0, 8, axes])  # 8: unsigned bytes
    if content[:4] != magic:
        raise ValueError(
            f"{path} is not an IDX file of unsigned bytes with {axes} axes: expected it to begin "
            f"with {magic.hex()}, received {content[:4].hex()}. Get it from {URL + filename}"
        )
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(
            f"{path} is not whole: expected a header of {start} bytes, received {len(content)} "
            f"bytes unpacked. Get it again from {URL + filename}"
        )
    shape = np.frombuffer(content[4:start], ">i4")
    expected = start + math.prod(int(side) for side in shape)
    if len(content) != expected:
        raise ValueError(
            f"{path} is not whole: its header announces {expected:,} bytes unpacked, received "
            f"{len(content):,}. Get it again from {URL + filename}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
