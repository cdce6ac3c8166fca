"""Folders of images, with a sub-folder for each class."""

import hashlib
import os
import pathlib
import warnings

import numpy as np

from keras_classics.datasets.images import Images, some
from keras_classics.datasets.splits import Files, check_corrupt

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
VALIDATION = ("val", "validation", "test")  # names of its folder, or of its split


def image_folder(folder: str | os.PathLike, corrupt: str = "skip") -> Images[Files]:
    """A folder of images, with a sub-folder for each class.

    Either `train/CLASS/...` beside `val/CLASS/...` (or `validation`, or `test`), or
    `CLASS/...` alone: then a tenth of each class is held out for validation, at least one
    image, chosen by the hash of the files' names and so the same everywhere. Labels
    number the classes of `train` in the order of their sorted names.

    No file is decoded here: `Images.survey` does that, before a training.

    Args:
        folder: Path of the folder.
        corrupt: What `Images.survey` does about files that cannot be decoded (empty, truncated,
            no image): `"skip"` leaves them out with a warning that names them, `"refuse"`
            raises `ValueError`.

    Returns:
        `Images`, whose splits are `Files` with absolute paths.

    Raises:
        FileNotFoundError: If there is no such folder, or none for validation.
        ValueError: If there are fewer than two classes, or a class has too few images.

    Example:

    ```python
    import pathlib
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat", "dog"):
            (pathlib.Path(folder) / name).mkdir()
            for k in range(2):
                image = Image.fromarray(np.full((4, 5, 3), 100 * k, "uint8"))
                image.save(f"{folder}/{name}/{k}.png")
        data = datasets.image_folder(folder)
        data, damaged = data.survey()
    print(data.classes, len(data.train), len(data.validation))  # ('cat', 'dog') 2 2
    ```
    """
    check_corrupt(corrupt)
    folder = _existing(folder)
    train, validation = _splits(folder)
    classes = tuple(train)
    if len(classes) < 2:
        raise ValueError(
            f"{folder} must have a sub-folder for each of two classes or more. "
            f"Received: {classes[0]} alone"
        )
    splits = (_files(part, classes, corrupt) for part in (train, validation))
    return Images(str(folder), classes, *splits)


def test_folder(
    folder: str | os.PathLike,
    corrupt: str = "skip",  # noqa: PT028 (this is no test)
) -> tuple[tuple[str, ...], Files]:
    """The validation images of a folder, or all of one that is not split; none to train with.

    Args:
        folder: Path of a folder as of `image_folder`.
        corrupt: As of `image_folder`.

    Returns:
        Names of the classes, and their `Files`. No file is decoded here: `Files.survey` does that.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a class has no images.

    Example:

    ```python
    import pathlib
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat", "dog"):
            (pathlib.Path(folder) / "val" / name).mkdir(parents=True)
            Image.fromarray(np.zeros((4, 5), "uint8")).save(f"{folder}/val/{name}/1.png")
        classes, split = datasets.test_folder(folder)
    print(classes, split.labels)  # ('cat', 'dog') [0 1]
    ```
    """
    check_corrupt(corrupt)
    root = _existing(folder)
    held = next((root / name for name in VALIDATION if _folders(root / name)), root)
    classes = _classes(held)
    return tuple(classes), _files(classes, tuple(classes), corrupt)


def _existing(folder):
    folder = pathlib.Path(folder).expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    return folder


def _files(paths, classes, corrupt):
    pairs = [(path, k) for k, name in enumerate(classes) for path in paths.get(name, ())]
    return Files([path for path, _ in pairs], np.array([k for _, k in pairs], "int32"), corrupt)


def _splits(folder):
    """The classes of the training and of the validation images."""
    if not _folders(folder / "train"):
        return _hold_out(_classes(folder))
    held = next((folder / name for name in VALIDATION if (folder / name).is_dir()), None)
    if held is None:
        raise FileNotFoundError(
            f"{folder} has `train`, but none of {', '.join(VALIDATION)} for validation. Add one, "
            f"or give {folder / 'train'} itself, and a tenth of it is held out."
        )
    train, validation = _classes(folder / "train"), _classes(held)
    if unknown := set(validation) - set(train):
        raise ValueError(
            f"The classes of {held} must be classes of {folder / 'train'}. "
            f"Received: {some(sorted(unknown))}"
        )
    return train, validation


def _hold_out(classes):
    train, held = {}, {}
    for name, paths in classes.items():
        if len(paths) < 2:
            raise ValueError(
                "Each class needs two images or more, one of them for validation. "
                f"Received: {paths[0]} alone"
            )
        count = max(1, len(paths) // 10)
        hashed = sorted(
            paths, key=lambda p: hashlib.sha256(os.fsencode(pathlib.Path(p).name)).digest()
        )
        train[name], held[name] = sorted(hashed[:-count]), sorted(hashed[-count:])
    return train, held


def _classes(folder):
    """`{class: paths of its images}`, sorted; other files are named in one warning."""
    classes, others = {}, []
    for name in _folders(folder):
        files = sorted(
            os.path.join(parent, file)
            for parent, _, files in os.walk(folder / name, followlinks=True)
            for file in files
            if not file.startswith(".")
        )
        classes[name] = [path for path in files if path.lower().endswith(EXTENSIONS)]
        others += [path for path in files if not path.lower().endswith(EXTENSIONS)]
        if not classes[name]:
            raise ValueError(
                f"The class {folder / name} has no images ({', '.join(EXTENSIONS)}). Add some, or "
                f"remove the folder. Received: {some(files) or 'no files'}"
            )
    if not classes:
        raise ValueError(f"{folder} must have a sub-folder of images for each class.")
    if others:
        warnings.warn(
            f"{len(others)} files of {folder} are ignored, because their names do not end in "
            f"{', '.join(EXTENSIONS)}: {some(others)}",
            stacklevel=4,
        )
    return classes


def _folders(folder):
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
