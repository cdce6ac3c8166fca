"""A data set: images of named classes, in two splits or three."""

import collections
import dataclasses
import itertools
import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from keras_classics.checks import ANYTHING, TEXT, Rule, several
from keras_classics.datasets.splits import Arrays, Files, Split, Stream
from keras_classics.tables import counted

S = TypeVar("S", bound=Split)
SPLIT = Rule(
    "a split, such as datasets.Arrays, Digits, Files or Stream",
    lambda x: hasattr(x, "decode") and hasattr(x, "__len__"),
)
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
        self,
        then: Callable[[np.ndarray], Any] | None = None,
        into: Callable[[Iterator[Any]], Any] | None = None,
        parts: Collection[str] = ("train", "validation", "test"),
    ) -> "tuple[Images[S], dict[str, str]]":
        """Decodes each file once, in threads on all processors, before a training or a test.

        Images in memory and of TensorFlow Datasets are known to be sound. Of a `tf.data.Dataset`
        the first 4,096 images are read; the others are looked at as a training reads them. For all
        of these `then` and `into` are not called, and the data stay as they are.

        Files that cannot be decoded are left out, with one warning that names them; or they are
        an error, where the files were opened with `corrupt="refuse"`.

        Args:
            then: Function of a decoded training image, a uint8 array `(height, width, 3)`, for
                example the layers before the mean. It runs in the thread that decoded the image,
                beside others.
            into: Function of an iterator, for example `SubtractMean.adapt`. The iterator gives
                the results of `then` in the order of the split, and few of them are in memory at
                a time. It is not called if no training image can be decoded.
            parts: Names of the splits to survey, `"train"`, `"validation"` and `"test"`.

        Returns:
            The data without the files that were left out, and the reason for each of these,
            `{path: reason}`.

        Raises:
            ValueError: If a file cannot be decoded that must be, no image is left of a class or
                of a split, or a `tf.data.Dataset` has a label of no class.

        Example:

        ```python
        import tempfile

        import numpy as np
        from PIL import Image

        from keras_classics import datasets, preprocessing

        with tempfile.TemporaryDirectory() as folder:
            paths = [f"{folder}/{k}.png" for k in range(2)]
            for path in paths:
                Image.fromarray(np.full((4, 5, 3), 200, "uint8")).save(path)
            split = datasets.Files(paths, [0, 1])
            data = datasets.Images("mine", ("a", "b"), split, split)
            mean = preprocessing.SubtractMean("channel")
            data, damaged = data.survey(lambda image: image, mean.adapt)
        print(len(data.train), damaged)  # 2 {}
        ```
        """
        surveyed = {part: getattr(self, part) for part in parts}
        for split in surveyed.values():
            if isinstance(split, Stream):
                split.refuse_others()
        surveyed = {part: each for part, each in surveyed.items() if isinstance(each, Files)}
        damaged: dict[str, str] = {}
        for part, split in surveyed.items():
            results = split.survey(then if part == "train" else None, damaged)
            values = (value for _, value in results)
            if part == "train" and into is not None:
                for first in values:  # if there is one
                    into(itertools.chain([first], values))
                    break
            for _ in values:  # the rest, which `into` did not ask for
                pass
        if not damaged:
            return self, damaged
        damaged = dict(sorted(damaged.items()))
        message = f"{counted(len(damaged), 'file')} of {self.name} cannot be decoded: " + some(
            f"{path.removeprefix(self.name + os.sep)} ({why})" for path, why in damaged.items()
        )
        if any(split.corrupt == "refuse" for split in surveyed.values()):
            raise ValueError(message)
        warnings.warn(
            f"{message}. {'It is' if len(damaged) == 1 else 'They are'} left out.", stacklevel=2
        )
        left = {part: split.without(damaged) for part, split in surveyed.items()}
        bare = [part for part, split in left.items() if not len(split)]
        if "train" in left:
            before, after = (set(each.labels) for each in (surveyed["train"], left["train"]))
            bare = [self.classes[label] for label in sorted(before - after)] or bare
        if bare:
            raise ValueError(f"{self.name} has no image left that can be decoded for {some(bare)}.")
        return dataclasses.replace(self, **left), damaged

    def without(self, paths: Collection[str]) -> "Images[S]":
        """The data without some files, which a survey has left out before.

        Args:
            paths: Paths of the files; others are ignored.
        """
        if not paths:
            return self
        files = {part: getattr(self, part) for part in ("train", "validation", "test")}
        files = {part: each for part, each in files.items() if isinstance(each, Files)}
        return dataclasses.replace(
            self, **{part: each.without(paths) for part, each in files.items()}
        )


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
