"""Data sets as the papers' recipes read them: digits in memory, photographs one by one."""

import dataclasses
import os

import numpy as np

from keras_classics.datasets import cifar10, digits, mnist, usps
from keras_classics.datasets.images import Arrays, Files, Images, image_folder, read_image
from keras_classics.datasets.tfds import catalogued


@dataclasses.dataclass(frozen=True)
class Data:
    """Digits `(n, height, width, 1)`, float32, 0 (background) to 1 (ink), with labels `(n,)`.

    `box` is the side of the box in pixels that the digits were fitted into.
    """

    name: str
    box: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


LOADERS = {"digits": digits, "mnist": mnist, "usps": usps, "cifar10": cifar10}


def load(name, data_dir=None, corrupt="skip"):
    """Loads a data set by name, or opens a folder of images.

    Args:
        name: `"digits"`, `"mnist"` or `"usps"`; `"cifar10"`; `"tfds:NAME"` for a data set
            of TensorFlow Datasets; or the path of a folder of images, with a sub-folder
            for each class (see `image_folder`).
        data_dir: Folder of the files of a data set that has a name. Default:
            `~/.keras/datasets/NAME`, or `~/tensorflow_datasets` for `"tfds:NAME"`, and
            files that are not there are downloaded into it.
        corrupt: `"skip"` or `"refuse"` files of a folder that cannot be decoded.

    Returns:
        `Data` for digits, `Images` for photographs.
    """
    if name in LOADERS:
        module = LOADERS[name]
        train, test = (module.read(split, data_dir) for split in ("train", "test"))
        if name == "cifar10":
            return Images(name, tuple(module.CLASSES), Arrays(*train), Arrays(*test))
        return Data(name, module.BOX, *train, *test)
    if name.startswith("tfds:"):
        return catalogued(name.removeprefix("tfds:"), data_dir)
    if os.path.isdir(name) or os.path.basename(name) != name:
        return image_folder(name, corrupt)
    raise ValueError(
        f"There is no data set {name!r}; there are {', '.join(LOADERS)}, "
        "tfds:NAME, and folders of images."
    )


__all__ = ["LOADERS", "Arrays", "Data", "Files", "Images", "image_folder", "load", "read_image"]
