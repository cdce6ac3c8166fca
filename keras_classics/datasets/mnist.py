"""MNIST: 60,000 + 10,000 digits, 20x20 in 28x28, in the official IDX files.

Reference: LeCun et al., Proc. IEEE 86(11), 1998, section III.A.
"""

import math

import numpy as np

from keras_classics.datasets.files import locate, unpack

BOX = 20
ABOUT = "60,000 + 10,000 digits of 28x28, four IDX files"
URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"


def read(split, data_dir=None):
    """The images and labels of `"train"` or `"test"`."""
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(f"{prefix}-images-idx3-ubyte.gz", 3, data_dir)
    labels = _read_idx(f"{prefix}-labels-idx1-ubyte.gz", 1, data_dir)
    if len(images) != len(labels):
        raise ValueError(
            f"MNIST's {split} files do not belong together: {len(images)} images, "
            f"{len(labels)} labels. Get both again from {URL}"
        )
    return (images / np.float32(255))[..., None], labels.astype("int32")


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
    shape = np.frombuffer(content[4:start], ">i4")
    expected = start + math.prod(int(side) for side in shape)
    if len(content) != expected:
        raise ValueError(
            f"{path} is not whole: its header announces {expected:,} bytes unpacked, received "
            f"{len(content):,}. Get it again from {URL + filename}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
