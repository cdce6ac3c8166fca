"""Data sets as the papers' recipes read them: ink from 0 to 1, whole labels."""

import dataclasses

import numpy as np

from keras_classics.datasets import digits, mnist, usps


@dataclasses.dataclass(frozen=True)
class Data:
    """Images `(n, height, width, 1)`, float32, 0 (background) to 1 (ink), with labels `(n,)`.

    `box` is the side of the box in pixels that the digits were fitted into.
    """

    name: str
    box: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


LOADERS = {"digits": digits, "mnist": mnist, "usps": usps}


def load(name, data_dir=None):
    """Loads a data set by name: `"digits"`, `"mnist"` or `"usps"`.

    Args:
        name: Name of the data set.
        data_dir: Folder of its files. Default: `~/.keras/datasets/NAME`, and
            files that are not there are downloaded into it.

    Returns:
        A `Data`.
    """
    if name not in LOADERS:
        raise ValueError(f"There is no data set {name!r}; there are {', '.join(sorted(LOADERS))}.")
    module = LOADERS[name]
    arrays = [part for split in ("train", "test") for part in module.read(split, data_dir)]
    return Data(name, module.BOX, *arrays)


__all__ = ["LOADERS", "Data", "load"]
