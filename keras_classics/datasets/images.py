"""A data set: images of named classes, in two splits or three."""

import collections
import dataclasses
import os
import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from keras_classics.checks import ANYTHING, TEXT, Rule, several
from keras_classics.datasets.decoding import FORMATS
from keras_classics.datasets.headers import read_headers
from keras_classics.datasets.splits import Arrays, Files, Split, Stream
from keras_classics.tables import counted

S = TypeVar("S", bound=Split)
SPLIT = Rule(
    "a split, such as datasets.Arrays, Digits, Files or Stream",
    lambda x: hasattr(x, "decode") and hasattr(x, "__len__"),
)
PARTS = ("train", "validation", "test")
UNNAMED = 100_000  # classes of arrays that have numbers for names, fewer than so many


@dataclasses.dataclass(frozen=True)
class Images(Generic[S]):
    """A data set: images of named classes, in two splits or three.

    Args:
        name: Name of the data set, which `datasets.load` takes.
        classes: Names of the classes, by their labels.
        train: The images to train with: `Arrays`, `Digits`, `Files` or `Stream`, see `Split`.
        validation: The images to test with after each epoch, likewise. They decide when a
            learning rate drops, which network is the best, and when to stop early.
        held: What reports call the second split: `"test"` if it is the official test set,
            otherwise `"validation"`.
        test: The images to test with at the end alone, if there are any, beside `validation`.

    Raises:
        ValueError: If there are fewer than two classes, or two of one name, a split has no image
            or others than `train` has channels, a label belongs to no class, or both `held` and a
            third split are the test.

    Example:

    ```python
    import numpy as np

    from keras_classics import datasets

    split = datasets.Digits(np.zeros((2, 28, 28, 1)), [0, 1], box=20)
    data = datasets.Images("mine", ("zero", "one"), split, split, held="test")
    print(data.classes[data.train.labels[1]])  # one
    ```
    """

    name: str
    classes: tuple[str, ...]
    train: S
    validation: S
    held: str = "validation"
    test: S | None = None

    def __post_init__(self):
        if self.test is not None and self.held == "test":
            raise ValueError(
                'Beside `test`, `held` must be another word, such as "validation". Received: '
                f"held='test', {self.name}"
            )
        TEXT.check("name", self.name)
        several(ANYTHING, 0).check("classes", self.classes)
        for name, split in self.parts.items():
            SPLIT.check(name, split)
            if not len(split):
                raise ValueError(f"The split {name} has no image. Received: {self.name}")
        last = len(self.classes) - 1
        if last < 1:
            raise ValueError(f"Data need two classes or more. Received: {last + 1} of {self.name}")
        counts = collections.Counter(self.classes)
        if twice := [str(name) for name, count in counts.items() if count > 1]:
            raise ValueError(
                "Classes must have names of their own. Received: "
                f"{some(twice)} more than once, {self.name}"
            )
        if len({_channels(split) for split in self.splits}) > 1:
            found = (f"{_channels(split)} of {name}" for name, split in self.parts.items())
            raise ValueError(
                "The images of all splits must have the same channels. Received: "
                f"{', '.join(found)}, {self.name}"
            )
        for name, field in zip(self.parts, ("train", "validation", "test"), strict=False):
            if isinstance(split := getattr(self, field), Stream):
                object.__setattr__(self, field, split.of(last + 1, name))
        for name, split in self.parts.items():
            labels = getattr(split, "labels", None)
            wrong = np.flatnonzero((labels < 0) | (labels > last)) if labels is not None else ()
            if len(wrong):
                raise ValueError(
                    f"{len(self.classes)} classes have labels from 0 to {last}. Received: "
                    f"{labels[wrong[0]]} for image {wrong[0]} of {name}, {self.name}"
                )

    @property
    def parts(self) -> dict[str, S]:
        """The splits by the names that reports have: `{"train": ..., held: ..., "test": ...}`."""
        parts = {"train": self.train, self.held: self.validation}
        return parts if self.test is None else {**parts, "test": self.test}

    @property
    def splits(self) -> tuple[S, ...]:
        """The splits: `(train, validation)`, or `(train, validation, test)`."""
        return tuple(self.parts.values())

    @property
    def channels(self) -> int:
        """Channels of the images: 3, or 1."""
        return _channels(self.train)

    @property
    def side(self) -> int | None:
        """Side of the images in pixels, if all are in memory, square and of one size."""
        images = [getattr(split, "images", None) for split in self.splits]
        sizes = {None if each is None else each.shape[1:3] for each in images}
        height, width = sizes.pop() or (None, None)
        return height if not sizes and height == width else None

    def survey(
        self, parts: Collection[str] = PARTS, verbose: bool = False
    ) -> "tuple[Images[S], dict[str, str]]":
        """Reads the header of each file, before a training or a test.

        Images in memory, of shards and of TensorFlow Datasets are known to be sound. Of a
        `tf.data.Dataset` the first 4,096 images are read; the others are looked at as a training
        reads them.

        Files that are no images are left out, with one warning that names them; or they are an
        error, where the files were opened with `corrupt="refuse"`. A file whose header is sound
        may still be truncated: `check` finds those, and a training meets them, and takes the next
        file in place of each.

        Args:
            parts: Names of the splits to survey, `"train"`, `"validation"` and `"test"`.
            verbose: Whether a long survey shows how far it is.

        Returns:
            The data without the files that were left out, and the reason for each of these,
            `{path: reason}`.

        Raises:
            ValueError: If a file is no image and must be, no image is left of a class or of a
                split, or a `tf.data.Dataset` has a label of no class.

        Example:

        ```python
        import tempfile

        import numpy as np
        from PIL import Image

        from keras_classics import datasets

        with tempfile.TemporaryDirectory() as folder:
            paths = [f"{folder}/{k}.png" for k in range(2)]
            for path in paths:
                Image.fromarray(np.full((4, 5, 3), 200, "uint8")).save(path)
            split = datasets.Files(paths, [0, 1])
            data = datasets.Images("mine", ("a", "b"), split, split)
            data, damaged = data.survey()
        print(len(data.train), damaged)  # 2 {}
        ```
        """
        for part in parts:
            if isinstance(split := getattr(self, part), Stream):
                split.refuse_others()
        files = self._files(parts)
        return self._left(files, self._headers(files, verbose))

    def check(
        self, parts: Collection[str] = PARTS, verbose: bool = False
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Decodes each file, in threads on all processors.

        Of 10,000 files and more, what is damaged is remembered for a later training.

        Args:
            parts: Names of the splits to check, `"train"`, `"validation"` and `"test"`.
            verbose: Whether a long check shows how far it is.

        Returns:
            The reason for each file that cannot be decoded, `{path: reason}`; and what was found:
            `"formats"`, how many files there are of each, and `"sizes"`, the least and the
            greatest width and height.

        Raises:
            OSError: If a file cannot be read.
        """
        files = self._files(parts)
        reasons: dict[str, str] = {}
        headers, first = self._headers(files, verbose), 0
        for split in files.values():
            whole = np.flatnonzero(headers.formats[first : first + len(split)] >= 0)
            tested = Files(split.paths, split.labels, upright=split.upright)
            for _ in tested.decoded(None, whole, verbose):
                pass
            for k, reason in tested.damaged.items():
                headers.reasons[int(headers.marks[first + k])] = reason
            own = _of_part(headers.damaged, first, len(split))
            reasons |= {split.paths[k]: why for k, why in own.items()}
            first += len(split)
        headers.write(self.name)
        damaged = headers.damaged
        sound = headers.formats >= 0
        sound[[*damaged]] = False
        counts = collections.Counter(FORMATS[k] for k in headers.formats[sound])
        found: dict[str, Any] = {"formats": dict(counts.most_common()), "sizes": []}
        if sound.any():
            sizes = headers.sizes[sound]
            found["sizes"] = [tuple(map(int, f(axis=0))) for f in (sizes.min, sizes.max)]
        return reasons, found

    def _files(self, parts):
        """The splits in files among some, by their names."""
        return {p: s for p in PARTS if p in parts and isinstance(s := getattr(self, p), Files)}

    def _headers(self, files, verbose):
        return read_headers([split.paths for split in files.values()], self.name, verbose)

    def _left(self, files, headers):
        """The data without the files that are no images, of those whose headers were read.

        Others that are known to be damaged stay, and are replaced as they are read.
        """
        damaged = headers.damaged
        if not damaged:
            return self, {}
        splits, reasons, known, first = {}, {}, {}, 0
        for part, split in files.items():
            own = _of_part(damaged, first, len(split))
            is_image = headers.formats[first : first + len(split)] >= 0
            reasons |= {split.paths[k]: why for k, why in own.items() if not is_image[k]}
            split.damaged |= {k: why for k, why in own.items() if is_image[k]}
            known |= {split.paths[k]: why for k, why in own.items()}
            splits[part] = split if is_image.all() else split.take(np.flatnonzero(is_image))
            first += len(split)
        if any(split.corrupt == "refuse" for split in files.values()):
            raise ValueError(self.words(known))
        if reasons:
            left = "It is" if len(reasons) == 1 else "They are"
            warnings.warn(f"{self.words(reasons)}. {left} left out.", stacklevel=3)
        bare = [part for part, split in splits.items() if len(split) == len(split.damaged)]
        if "train" in splits:
            left = np.delete(splits["train"].labels, [*splits["train"].damaged])
            gone = sorted(set(files["train"].labels) - set(left))
            bare = [self.classes[label] for label in gone] or bare
        if bare:
            raise ValueError(f"{self.name} has no image left that can be decoded for {some(bare)}.")
        return dataclasses.replace(self, **splits) if reasons else self, dict(
            sorted(reasons.items())
        )

    @property
    def damaged(self) -> dict[str, str]:
        """The files that could not be decoded as they were read, `{path: reason}`."""
        splits = self._files(PARTS).values()
        # Threads may add to them meanwhile.
        return {s.paths[k]: why for s in splits for k, why in tuple(s.damaged.items())}

    def words(self, damaged: dict[str, str]) -> str:
        """Names damaged files, in a sentence without its end.

        Args:
            damaged: `{path: reason}`.
        """
        return f"{counted(len(damaged), 'file')} of {self.name} cannot be decoded: " + some(
            f"{path.removeprefix(self.name + os.sep)} ({why})"
            for path, why in sorted(damaged.items())
        )

    def without(self, paths: Collection[str]) -> "Images[S]":
        """The data without some files, which a survey has left out before.

        Args:
            paths: Paths of the files; others are ignored.
        """
        if not paths:
            return self
        files = {}
        for part, split in self._files(PARTS).items():
            left = np.setdiff1d(np.arange(len(split)), split.positions(paths))
            files[part] = split.take(left)
        return dataclasses.replace(self, **files)


def _of_part(damaged, first, count):
    """The damaged files of one split, by their positions in it."""
    return {k - first: why for k, why in damaged.items() if 0 <= k - first < count}


def wrap(
    train: Any,
    validation: Any,
    classes: Sequence[str] | None = None,
    name: str = "own",
    held: str = "validation",
    test: Any = None,
) -> Images[Any]:
    """Images of one's own as a data set, for `training.train`.

    Args:
        train: The training images: a pair of arrays `(images, labels)`, uint8 `(n, height,
            width, channels)` from 0 to 255 and integers `(n,)` from 0; or a `tf.data.Dataset`
            of single pairs `(image, label)` of that kind, which knows its length.
        validation: The images to test with, likewise.
        classes: Names of the classes. Default for arrays: `"0"`, `"1"` and so on.
        name: Name of the data set.
        held: What reports call the second split, such as `"test"`.
        test: The images to test with at the end alone, likewise, if there are any.

    Returns:
        `Images`.

    Raises:
        ValueError: If images or labels are of another type, size or range.

    Example:

    ```python
    import numpy as np

    from keras_classics import datasets

    images, labels = np.zeros((4, 32, 32, 3), "uint8"), np.array([0, 1, 0, 1])
    data = datasets.wrap((images, labels), (images, labels), classes=["cat", "dog"])
    print(data.classes, len(data.train))
    ```
    """
    first, second = _wrapped("train", train), _wrapped("validation", validation)
    third = None if test is None else _wrapped("test", test)
    if classes is None:
        if not isinstance(first, Arrays):
            raise ValueError(
                "A tf.data.Dataset needs the names of its classes. Received: classes=None"
            )
        highest = int(first.labels.max(initial=-1))
        if highest >= UNNAMED:
            raise ValueError(
                f"Labels of {UNNAMED:,} and more need names of classes. Received: classes=None and "
                f"the label {highest:,} of train"
            )
        classes = [str(k) for k in range(highest + 1)]
    return Images(name, tuple(classes), first, second, held, third)


def _wrapped(name, part):
    """A split of the user's own images; an error of theirs begins with its name."""
    is_pair = isinstance(part, (tuple, list)) and len(part) == 2
    if not (is_pair or hasattr(part, "element_spec")):
        count = f" of {len(part)}" if isinstance(part, (tuple, list)) else ""
        raise ValueError(
            f"`{name}` must be a pair of arrays (images, labels), or a tf.data.Dataset of single "
            f"pairs. Received: {name} is a {type(part).__name__}{count}"
        )
    try:
        return Arrays(*part) if is_pair else Stream(part)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _channels(split):
    images = getattr(split, "images", None)
    return getattr(split, "channels", 3) if images is None else images.shape[-1]


def some(names: Iterable[str]) -> str:
    """The first 20 names, and how many more there are."""
    names = list(names)
    rest = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + rest
