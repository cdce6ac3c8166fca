"""Folders of images, with a sub-folder for each class."""

import collections
import hashlib
import json
import os
import pathlib
import re
import warnings
from collections.abc import Collection, Sequence

import numpy as np

from keras_classics import cache
from keras_classics.checks import NAMES, PATH, arguments
from keras_classics.datasets.headers import LARGE
from keras_classics.datasets.images import Images, some
from keras_classics.datasets.paths import Paths
from keras_classics.datasets.splits import Files, check_corrupt
from keras_classics.tables import counted

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

# The words for a split in the name of its folder, and words beside them that say no more.
SPLITS = {
    "train": ("train", "training", "trainval"),
    "validation": ("val", "valid", "validation", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation", "holdout"),
}
PLAIN = {
    *("data", "dataset", "dir", "file", "files", "folder", "image", "images", "img", "imgs"),
    *("photo", "photos", "pic", "pics", "picture", "pictures", "set", "split"),
}


@arguments(folder=PATH, classes=NAMES)
def image_folder(
    folder: str | os.PathLike,
    corrupt: str = "skip",
    classes: Sequence[str] | None = None,
    upright: bool = False,
    rescan: bool = True,
) -> Images[Files]:
    """A folder of images, with a sub-folder for each class.

    Either `train/CLASS/...` beside `val/CLASS/...` or `test/CLASS/...` or both; or `CLASS/...`
    alone: then a tenth of each class is held out for validation, at least one image, chosen by
    the hash of the files' names and so the same everywhere. Validation is on `val`, and `test` is
    tested at the end alone; without `val`, validation is on `test`.

    The names of splits may be spelled as usual: in any case, `training`, `valid`, `validation`,
    `dev`, `testing`, `eval`; with plain words and numbers, `train_images`, `test-set`,
    `val2017`; with a word that several splits share, `seg_train` beside `seg_test`; and one within
    the other, `train/train/CLASS`. Other folders beside them are ignored.

    Links to folders are followed, but no folder of a split is read twice. Only regular files are
    read. What is left out is named in a warning.

    Labels number the classes of `train` in the order of their sorted names, or of `classes`.

    No file is read here: `Images.survey` reads their headers, and `Images.check` decodes them.

    Args:
        folder: Path of the folder.
        corrupt: What is done about files that cannot be decoded (empty, truncated, no image):
            `"skip"` leaves them out with a warning that names them, `"refuse"` raises
            `ValueError`.
        classes: Names of the classes' folders, in the order of their labels; other folders are
            ignored. A folder of such a name is a class, though it is called `train`. Default: all
            folders that are no splits.
        upright: Whether photographs are turned as EXIF says, see `read_image`.
        rescan: Whether the folder is looked through for files. `False` takes the files that were
            found in it before, of which Keras's cache keeps a list if there are 10,000 or more.

    Returns:
        `Images`, whose splits are `Files` with absolute paths.

    Raises:
        FileNotFoundError: If there is no such folder, or none of a class, or none for validation.
        ValueError: If there are fewer than two classes, or a class has too few images; or if the
            sub-folders may be classes or splits.

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
    root = _existing(folder)
    key = json.dumps([os.fsdecode(root), classes and list(classes)])
    kept = None if rescan else cache.read("folders", key)
    if kept is None:
        names, files = _scanned(root, classes)
        if sum(len(paths) for paths, _ in files.values()) >= LARGE:
            cache.write("folders", key, **_as_arrays(names, files))
    else:
        names, files = _of_arrays(kept)
    parts = [Files(paths, labels, corrupt, upright) for paths, labels in files.values()]
    train, held, *test = parts
    return Images(str(root), names, train, held, test=test[0] if test else None)


@arguments(folder=PATH, classes=NAMES)
def test_folder(
    folder: str | os.PathLike,
    corrupt: str = "skip",  # noqa: PT028 (this is no test)
    classes: Sequence[str] | None = None,  # noqa: PT028
    upright: bool = False,  # noqa: PT028
) -> tuple[tuple[str, ...], Files]:
    """The images of a folder to test with: of its split `test`, or else `val`, or all of one that
    is not split.

    Args:
        folder: Path of a folder as of `image_folder`.
        corrupt: As of `image_folder`.
        classes: As of `image_folder`.
        upright: As of `image_folder`.

    Returns:
        Names of the classes, and their `Files`. No file is decoded here: `Files.survey` does that.

    Raises:
        FileNotFoundError: If there is no such folder, or it has a split to train with alone.
        ValueError: If a class has no images; or if the sub-folders may be classes or splits.

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
    top = _unwrapped(root)
    found = _splits(top, classes)
    held = [found[part] for part in ("test", "validation") if part in found]
    labelled = [path for path in held if _folders(path)]
    if found and not labelled:
        raise FileNotFoundError(
            f"{root} has `train`, but none of test, val, validation with a sub-folder for each "
            f"class. Add one, or give {found['train']} itself."
        )
    paths = _classes(labelled[0] if labelled else top, classes)
    names = tuple(paths)
    joined, labels = _labelled(paths, names)
    return names, Files(joined, labels, corrupt, upright)


def split_of(names: Collection[str]) -> dict[str, str]:
    """The splits that the names of some folders, side by side, tell of.

    Args:
        names: Names of the folders.

    Returns:
        `{name: split}`, with the splits `"train"`, `"validation"` and `"test"`, without folders
        that have other names.

    Example:

    ```python
    from keras_classics.datasets.folders import split_of

    print(split_of(["seg_train", "seg_test", "seg_pred"]))  # seg_train: train, seg_test: test
    print(split_of(["bullet_train", "bus"]))  # {}
    ```
    """
    parsed = {name: _parsed(name) for name in names}
    together = collections.defaultdict(set)
    for split, others in parsed.values():
        if split:
            together[others].add(split)
    return {
        name: split
        for name, (split, others) in parsed.items()
        if split and (others <= PLAIN or {"train"} < together[others])
    }


def _parsed(name):
    """The one split that a folder's name tells of, or `None`, and the other words of the name."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    splits = {word: split for word in words if (split := _split_of_word(word))}
    split = next(iter(splits.values())) if len(set(splits.values())) == 1 else None
    return split, frozenset(words) - set(splits)


def _split_of_word(word):
    for split, stems in SPLITS.items():
        if any(word.startswith(s) and word[len(s) :] in {"", *PLAIN} for s in stems):
            return split
    return None


def _existing(folder):
    folder = pathlib.Path(folder).expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    return folder


def _scanned(root, classes):
    """The names of the classes, and of each split the paths and the labels."""
    top = _unwrapped(root)
    found = _splits(top, classes)
    parts = _divided(top, found, classes) if found else {"train": _classes(top, classes)}
    names = tuple(parts["train"])
    if len(names) < 2:
        raise ValueError(
            f"{root} must have a sub-folder for each of two classes or more. "
            f"Received: {names[0]} alone"
        )
    files = {part: _labelled(parts.pop(part), names) for part in [*parts]}
    if found:
        return names, files
    paths, labels = files["train"]
    held = _held_out(paths, labels, len(names))
    rest = np.flatnonzero(~held), np.flatnonzero(held)
    train, validation = ((paths.take(part), labels[part]) for part in rest)
    return names, {"train": train, "validation": validation}


def _labelled(paths, classes):
    """The paths of all classes, and their labels."""
    parts = [paths.get(name, Paths.of([])) for name in classes]
    labels = np.repeat(np.arange(len(parts), dtype="int32"), [len(part) for part in parts])
    return Paths.joined(parts), labels


def _as_arrays(names, files):
    """What was found in a folder, as arrays."""
    text = json.dumps([names, [*files]]).encode("utf-8", "surrogateescape")
    arrays = {"names": np.frombuffer(text, "uint8")}
    for part, (paths, labels) in files.items():
        arrays |= {f"{part} {name}": array for name, array in paths.arrays().items()}
        arrays[f"{part} labels"] = labels
    return arrays


def _of_arrays(arrays):
    names, parts = json.loads(arrays["names"].tobytes().decode("utf-8", "surrogateescape"))
    files = {}
    for part in parts:
        own = {n.removeprefix(f"{part} "): a for n, a in arrays.items() if n.startswith(part)}
        files[part] = Paths.of_arrays(own), own["labels"]
    return tuple(names), files


def _splits(folder, classes):
    """The folders of the splits, `{"train": folder, ...}`; none if the sub-folders are classes."""
    names = _folders(folder)
    if classes is not None and set(classes) <= set(names):
        return {}
    named = dict(sorted(split_of(names).items(), key=lambda pair: [*SPLITS].index(pair[1])))
    found = {name: _unwrapped(folder / name) for name in named}
    divided = [name for name in named if _folders(found[name])]
    others = [n for n in names if n not in named and any(_files_of(folder / n, EXTENSIONS))]
    if not named or (len(named) == 1 and not divided and len(others) > 1):
        return {}  # beside other classes, one may be called "train"
    for name, split in named.items():
        same = [other for other in named if named[other] == split]
        if len(same) > 1:
            raise ValueError(
                f"{folder} must have one folder with the images for {split}. "
                f"{_or_classes(names)} Received: {', '.join(same)}"
            )
        if name not in divided and (split == "train" or not divided):
            raise ValueError(
                f"{found[name]} must have a sub-folder of images for each class, and has none. "
                f"Move the images of a class into a folder of its name. {_or_classes(names)}"
            )
    if others:
        warnings.warn(
            f"Beside the splits {', '.join(named)} of {folder} other folders are ignored: "
            f"{some(others)}",
            stacklevel=4,
        )
    return {split: found[name] for name, split in named.items()}


def _divided(folder, found, chosen):
    """Of each split the classes, as `_classes` gives them."""
    hint = _or_classes(_folders(folder))
    if "train" not in found:
        raise FileNotFoundError(
            f"{folder} must have `train` beside other splits. {hint} "
            f"Received: {', '.join(path.name for path in found.values())}"
        )
    train = _classes(found["train"], chosen)
    parts = {"train": train}
    for part in ("validation", "test"):
        if part not in found:
            continue
        names, path = _folders(found[part]), found[part]
        if part == "test" and not set(names) & set(train) and ("validation" in parts or not names):
            if "validation" in parts:
                warnings.warn(
                    f"{path} is ignored: it has no sub-folder for each class.", stacklevel=4
                )
            continue
        parts[part] = _classes(path, None if chosen is None else [n for n in chosen if n in names])
        if unknown := set(parts[part]) - set(train):
            raise ValueError(
                f"The classes of {path} must be classes of {found['train']}. "
                f"Received: {some(sorted(unknown))}"
            )
    if len(parts) == 1:
        raise FileNotFoundError(
            f"{folder} has `train`, but none of val, validation, test with a sub-folder for each "
            f"class. Add one, or give {found['train']} itself, and a tenth of it is held out. "
            f"{hint}"
        )
    return parts


def _or_classes(names):
    return f"If these are classes, name them (--classes={','.join(names[:20])})."


def _held_out(paths, labels, classes):
    """Which of the files are held out: of each class a tenth, by the hashes of their names."""
    held = np.zeros(len(paths), bool)
    for label in range(classes):
        own = np.flatnonzero(labels == label).tolist()
        if len(own) < 2:
            raise ValueError(
                "Each class needs two images or more, one of them for validation. "
                f"Received: {paths[own[0]]} alone"
            )
        own.sort(key=lambda k: hashlib.sha256(paths.name(k)).digest())
        held[own[-max(1, len(own) // 10) :]] = True
    return held


def _classes(folder, chosen):
    """`{class: paths of its images}`; other files are named in one warning."""
    classes, others = {}, []
    names = _folders(folder)
    skipped: list[str] = []
    if missing := set(chosen or ()) - set(names):
        raise FileNotFoundError(
            f"{folder} must have a sub-folder for each class. There is none of the name "
            f"{some(sorted(missing))}; there are {some(names) or 'none'}."
        )
    if chosen is None:
        _refuse_shared(folder, names)
    named = {name: _identity(folder / name) for name in (names if chosen is None else chosen)}
    above = _above(folder)
    read = above | set(named.values())
    for name, identity in named.items():
        twins = [other for other in named if named[other] == identity]
        if len(twins) > 1:
            raise ValueError(
                f"Each class of {folder} needs a folder of its own. Received: {some(twins)}, links "
                "to one folder"
            )
        read -= {identity} - above
        files = sorted(_files_of(folder / name, "", read, skipped), key=lambda entry: entry.path)
        images = [entry for entry in files if entry.name.lower().endswith(EXTENSIONS)]
        foreign = [e.path for e in files if not e.name.lower().endswith(EXTENSIONS)]
        others += foreign
        if not images:
            raise ValueError(
                f"The class {folder / name} has no images ({', '.join(EXTENSIONS)}). Add some, or "
                f"remove the folder. Received: {some(foreign + skipped) or 'no files'}"
            )
        stats = [entry.stat() for entry in images]
        classes[name] = Paths.of(
            (entry.path for entry in images), [(s.st_size, s.st_mtime_ns) for s in stats]
        )
    if not classes:
        raise ValueError(
            f"{folder} must have a sub-folder of images for each class, and has none. Move the "
            "images of a class into a folder of its name."
        )
    if others:
        warnings.warn(
            f"{counted(len(others), 'file')} of {folder} ignored, for a name that does not end in "
            f"{', '.join(EXTENSIONS)}: {some(others)}",
            stacklevel=4,
        )
    if skipped:
        warnings.warn(f"Of {folder} ignored: {some(skipped)}", stacklevel=4)
    return classes


def _refuse_shared(folder, names):
    """Refuses what may be splits: classes whose sub-folders are the same, and have all images."""
    within = []
    for name in names:
        within.append(set(_folders(folder / name)))
        if len(within[-1]) < 2 or _has_images(folder / name):
            return
    shared = sorted(set.intersection(*within)) if len(names) > 1 else []
    if len(shared) > 1 and split_of(shared):
        raise ValueError(
            f"The classes of {folder} have splits within them. Put the classes into the splits, "
            f"as in {shared[0]}/{names[0]}. {_or_classes(names)} Received: {some(shared)} in each "
            f"of {some(names)}"
        )
    if len(shared) > 1:
        raise ValueError(
            f"The sub-folders of {folder} have the same folders within them, as splits have. Name "
            f"splits train, val and test. {_or_classes(names)} Received: {some(shared)} in each of "
            f"{some(names)}"
        )


def _unwrapped(folder):
    """The folder; or the only one within it, where its name says the same."""
    names = _folders(folder)
    if len(names) != 1 or _has_images(folder):
        return folder
    outer, inner = (split_of([name]).get(name, name.lower()) for name in (folder.name, *names))
    return folder / names[0] if outer == inner else folder


def _folders(folder):
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name != "__MACOSX"
    )


def _has_images(folder):
    return any(path.name.lower().endswith(EXTENSIONS) for path in folder.iterdir())


def _files_of(folder, endings="", read=None, skipped=None):
    """The regular files within a folder, at any depth, as entries of `os.scandir`.

    A folder is read once, however many links lead to it, and by its own name if it has one here.

    Args:
        folder: The folder.
        endings: What the names end in.
        read: Identities of folders that are not read, which grow by those that are. Default: of
            those that hold this one.
        skipped: A list that receives what was left out, with the reason.
    """
    read = _above(folder.parent) if read is None else read
    skipped = [] if skipped is None else skipped
    folders, links = [os.fspath(folder)], []
    while folders or links:
        parent = folders.pop() if folders else links.pop()
        if _identity(parent) in read:
            skipped.append(f"{parent} (a link to a folder that is read already)")
            continue
        read.add(_identity(parent))
        with os.scandir(parent) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name, reverse=True):
                if _is(entry.is_dir):
                    (links if entry.is_symlink() else folders).append(entry.path)
                elif not entry.name.startswith(".") and entry.name.lower().endswith(endings):
                    if _is(entry.is_file):
                        yield entry
                    else:  # a pipe would wait for someone who writes
                        skipped.append(f"{entry.path} (no regular file)")


def _is(kind):
    """Whether an entry of a folder is of a kind; a link that leads nowhere is of none."""
    try:
        return kind()
    except OSError:
        return False


def _identity(folder):
    """What a folder is known by, through whatever links."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _above(folder):
    """The identities of a folder and of all that hold it."""
    folder = pathlib.Path(folder).resolve()
    return {_identity(each) for each in (folder, *folder.parents)}
