"""USPS: the 7,291 + 2,007 zip-code digits of LeCun et al. (1989), 16x16.

In the files of "The Elements of Statistical Learning": a line an image, its
label and then 256 grey levels from -1 to 1.
"""

import os

import numpy as np

from keras_classics.datasets.files import locate, unpack
from keras_classics.datasets.images import Images
from keras_classics.datasets.splits import Digits

BOX = 16
URL = "https://hastie.su.domains/ElemStatLearn/datasets/"


def load(data_dir: str | os.PathLike | None = None) -> Images[Digits]:
    """The data set.

    Args:
        data_dir: Folder of the files. Default: Keras's cache, into which they are downloaded.

    Raises:
        FileNotFoundError: If a file does not exist, and was not downloaded.
        ValueError: If a file is damaged.
    """
    train, test = (Digits(*read(split, data_dir), BOX) for split in ("train", "test"))
    return Images("usps", Digits.classes, train, test, held="test")


def read(split: str, data_dir: str | os.PathLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of `"train"` or `"test"`."""
    filename = f"zip.{split}.gz"
    path = locate("usps", filename, URL + filename, data_dir)
    lines = unpack(path, URL + filename).split(b"\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = np.array(line.split(), "float32")
        except ValueError:
            row = np.zeros(0)
        if len(row) != 257 or row[0] not in range(10) or not np.abs(row[1:]).max() <= 1:
            raise ValueError(
                f"{path}, line {number}: expected a label from 0 to 9 and 256 grey levels from "
                f"-1 to 1, received {line[:40]!r}... Get the file again from {URL + filename}"
            )
        rows.append(row)
    if not rows:
        raise ValueError(f"{path} is empty. Get it again from {URL + filename}")
    numbers = np.stack(rows)
    images = (numbers[:, 1:] + 1) / 2
    return images.reshape(-1, 16, 16, 1), numbers[:, 0].astype("int32")
