"""Data sets as the papers' recipes read them: digits in memory, photographs one by one."""

import dataclasses
import os

import keras
import numpy as np

from keras_classics.datasets import cifar10, cifar100, digits, mnist, usps
from keras_classics.datasets.images import (
    Arrays,
    Files,
    Images,
    Stream,
    image_folder,
    read_image,
    test_folder,
    wrap,
)
from keras_classics.datasets.tfds import catalogued


@dataclasses.dataclass(frozen=True)
class Data:
    """Digits `(n, height, width, 1)`, float32, 0 (background) to 1 (ink), with labels `(n,)`.

    `box` is the side of the box in pixels that the digits were fitted into.

    Raises:
        ValueError: If images or labels are of another size or range.
    """

    name: str
    box: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def __post_init__(self):
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if np.ndim(images) != 4 or images.shape[-1] != 1 or labels.shape != images.shape[:1]:
                raise ValueError(
                    "Digits are images (n, height, width, 1) with labels (n,). Received: "
                    f"{np.shape(images)} and {np.shape(labels)} of {part}, {self.name}"
                )
            outside = (images.min(axis=(1, 2, 3)) < 0) | (images.max(axis=(1, 2, 3)) > 1)
            for wrong, what in [
                (outside, "ink from 0 to 1"),
                ((labels < 0) | (labels > 9), "labels from 0 to 9"),
            ]:
                if np.any(wrong):
                    first = np.flatnonzero(wrong)[0]
                    raise ValueError(
                        f"Digits have {what}. Received: image {first} of {part}, {self.name}, with "
                        f"ink from {images[first].min():g} to {images[first].max():g} and the "
                        f"label {labels[first]}"
                    )


LOADERS = {
    "digits": digits,
    "mnist": mnist,
    "usps": usps,
    "cifar10": cifar10,
    "cifar100": cifar100,
}
OF_KERAS = ("mnist", "fashion_mnist", "cifar10", "cifar100")


def load(name, data_dir=None, corrupt="skip"):
    """Loads a data set by name, or opens a folder of images.

    Args:
        name: `"digits"`, `"mnist"` or `"usps"`; `"cifar10"` or `"cifar100"`; `"keras:NAME"`
            for MNIST, Fashion-MNIST and CIFAR of `keras.datasets`, and `"tfds:NAME"` for a
            data set of TensorFlow Datasets; or the path of a folder of images, with a
            sub-folder for each class (see `image_folder`).
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
        if name.startswith("cifar"):
            return Images(name, tuple(module.CLASSES), Arrays(*train), Arrays(*test))
        return Data(name, module.BOX, *train, *test)
    if name.startswith("keras:"):
        return _of_keras(name)
    if name.startswith("tfds:"):
        return catalogued(name.removeprefix("tfds:"), data_dir)
    if os.path.isdir(name) or os.path.basename(name) != name:
        return image_folder(name, corrupt)
    raise ValueError(
        f"There is no data set {name!r}; there are {', '.join(LOADERS)}, "
        "keras:NAME, tfds:NAME, and folders of images."
    )


def _of_keras(name):
    key = name.removeprefix("keras:")
    if key not in OF_KERAS:
        raise ValueError(
            f"Of keras.datasets there are {', '.join(f'keras:{k}' for k in OF_KERAS)}. "
            f"Received: {name}"
        )
    train, test = getattr(keras.datasets, key).load_data()
    if key.startswith("cifar"):
        return wrap(train, test, LOADERS[key].CLASSES, name)
    parts = [((x[..., None] / 255).astype("float32"), y.astype("int32")) for x, y in (train, test)]
    return Data(name, mnist.BOX, *parts[0], *parts[1])


__all__ = [
    "LOADERS",
    "Arrays",
    "Data",
    "Files",
    "Images",
    "Stream",
    "image_folder",
    "load",
    "read_image",
    "test_folder",
    "wrap",
]
