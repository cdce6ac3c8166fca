"""Opens a data set by its name. The module of the data set is imported only then."""

import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_classics import names
from keras_classics.checks import NAMES, PATH, arguments

if TYPE_CHECKING:
    from keras_classics.datasets.images import Images

# What a name may be, beside those of `names.DATA_SETS`.
OTHERS = {
    "keras:NAME": "mnist, fashion_mnist, cifar10, cifar100 of keras.datasets",
    "tfds:NAME": "photographs of TensorFlow Datasets",
    "FOLDER": "a folder of images with a sub-folder for each class, or what `pack` made of one",
}
MANIFEST = "shards.json"  # of a packed folder, written last
PLAN = "packing.json"  # of one that is being packed


@arguments(name=PATH, classes=NAMES)
def load(
    name: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    corrupt: str = "skip",
    classes: Sequence[str] | None = None,
    upright: bool = False,
    rescan: bool = True,
) -> "Images[Any]":
    """Loads a data set by name, or opens a folder of images or of packed shards.

    Args:
        name: `"digits"`, `"mnist"`, `"usps"`, `"cifar10"` or `"cifar100"`, where case and signs
            do not matter; `"keras:NAME"` for MNIST, Fashion-MNIST and CIFAR of
            `keras.datasets`; `"tfds:NAME"` for a data set of TensorFlow Datasets; or the path of
            a folder of images, with a sub-folder for each class (see `image_folder`), or of what
            `pack` made of one.
        data_dir: Folder of the files of a data set that has a name. Default:
            `~/.keras/datasets/NAME`, or `~/tensorflow_datasets` for `"tfds:NAME"`, and
            files that are not there are downloaded into it.
        corrupt: What is done about files of a folder that cannot be decoded: `"skip"` or
            `"refuse"` them.
        classes: Names of the sub-folders of a folder that are its classes, in the order of their
            labels, see `image_folder`. Default: all of them.
        upright: Whether photographs, of a folder or of TensorFlow Datasets, are turned as their
            EXIF says, see `read_image`.
        rescan: Whether a folder is looked through for files that were added, changed or removed,
            see `image_folder`.

    Returns:
        `Images`. Their splits are `Digits` for digits, `Arrays` for CIFAR, and for photographs
        `Files`, of a packed folder `Shards`, and of TensorFlow Datasets
        `datasets.tfds.Examples`.

    Raises:
        ValueError: If there is no such data set, or its files are damaged; or if there are
            `classes` for another one than a folder.
        FileNotFoundError: If a file or a folder does not exist.

    Example:

    ```python
    from keras_classics import datasets

    data = datasets.load("digits")  # 1,437 + 360 digits, which scikit-learn carries
    print(data.train.images.shape)  # (1437, 28, 28, 1)
    ```
    """
    module, rest = _find(os.fspath(name))
    opened = importlib.import_module(f"keras_classics.datasets.{module}")
    if module == "folders":
        return opened.image_folder(rest, corrupt, classes, upright, rescan)
    if classes is not None:
        raise ValueError(
            f"`classes` are the sub-folders of a folder of images. Received: {name}, classes="
            f"{', '.join(classes)}"
        )
    if module == "of_keras":
        return opened.load(rest)
    if module == "shards":
        return opened.open_packed(rest, upright)
    if module == "tfds":
        return opened.load(rest, data_dir, upright)
    return opened.load(data_dir)


@arguments(name=PATH)
def is_folder(name: str | os.PathLike) -> bool:
    """Whether a name is the path of a folder of images, there or not, that is not packed.

    Args:
        name: As of `load`.

    Raises:
        ValueError: If there is no such data set.

    Example:

    ```python
    from keras_classics import datasets

    print(datasets.is_folder("mnist"), datasets.is_folder("data/photographs"))  # False True
    ```
    """
    return _find(os.fspath(name))[0] == "folders"


@arguments(name=PATH)
def size(name: str | os.PathLike) -> tuple[int, int | None]:
    """The size of a data set's images, before anything is read or downloaded.

    Args:
        name: As of `load`.

    Returns:
        The channels of the images, 3 or 1, and their side in pixels; `None` if it is not the
        same for all images.

    Raises:
        ValueError: If there is no such data set.

    Example:

    ```python
    from keras_classics import datasets

    print(datasets.size("mnist"))  # (1, 28)
    ```
    """
    module, rest = _find(os.fspath(name))
    if module == "of_keras":
        opened = importlib.import_module("keras_classics.datasets.of_keras")
        module = opened.module_of(rest).__name__.rpartition(".")[2]
    if module in names.DATA_SETS:
        return names.DATA_SETS[module][1:]
    return 3, None


def _find(name):
    """The module of a name, and what is left of the name for it."""
    for prefix, module in (("keras:", "of_keras"), ("tfds:", "tfds")):
        if name.startswith(prefix):
            return module, name.removeprefix(prefix)
    if name in names.DATA_SETS:
        return name, ""
    if any(os.path.isfile(os.path.join(os.path.expanduser(name), x)) for x in (MANIFEST, PLAN)):
        return "shards", name
    if os.path.isdir(name) or os.path.basename(name) != name:
        return "folders", name
    for each in names.DATA_SETS:
        if names.reduced(each) == names.reduced(name):
            return each, ""
    message = names.unknown("data set or folder", name, names.DATA_SETS)
    raise ValueError(f"{message} Others: {', '.join(OTHERS)}.")
