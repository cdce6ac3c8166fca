"""The splits of a data set: images with labels in memory, in files, or read by the user."""

import collections
import concurrent.futures
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from keras_classics.checks import COUNT, Rule, optional
from keras_classics.datasets.decoding import decode, read_image, reason
from keras_classics.datasets.paths import Paths
from keras_classics.progress import Progress
from keras_classics.tables import counted

SHUFFLED = 4096  # records of a stream among which the next one is drawn
PATHS = Rule("a list of paths", lambda x: isinstance(x, Sequence) and not isinstance(x, str))


class Split(Protocol):
    """What a split of `Images` offers: images with labels, on their way into `tf.data`.

    A record stands for one image, for example its position. Splits in memory and in files also
    have `labels`, int32 `(n,)`, and give one pair `(image, label)` as `split[i]`, on any backend.
    """

    def __len__(self) -> int:
        """The number of images."""

    def records(self, seeds: Any = None, worker: int = 0, workers: int = 1) -> Any:
        """The records of one worker.

        Args:
            seeds: Two integers, from which the order of a training epoch follows: the seed, and
                the number of the epoch. Default: the order of the split.
            worker: Number of the worker, from 0.
            workers: Number of workers, which share the images.

        Returns:
            A `tf.data.Dataset` of `ceil((n - worker) / workers)` records.
        """

    def decode(self, record: Any) -> tuple[Any, Any]:
        """The image `(height, width, channels)` of a record, and its int32 label, as tensors."""


class Indexed:
    """A split whose images can be had in any order. The records are positions."""

    def __len__(self) -> int:
        raise NotImplementedError

    def _arrays(self) -> tuple:
        raise NotImplementedError

    def records(self, seeds: Any = None, worker: int = 0, workers: int = 1) -> Any:
        import tensorflow as tf

        order = tf.range(len(self), dtype=tf.int64)
        if seeds is not None:
            order = tf.random.experimental.stateless_shuffle(order, seeds)
        return tf.data.Dataset.from_tensor_slices(order[worker::workers])

    def __getstate__(self):  # without tensors
        return {k: v for k, v in vars(self).items() if k != "_tensors"}

    @functools.cached_property
    def _tensors(self) -> tuple:
        import tensorflow as tf

        with tf.init_scope():  # outside of the graph that asks first
            return tuple(tf.constant(array) for array in self._arrays())


class InMemory(Indexed):
    """A split in memory, of images of any type and range.

    Args:
        images: Array `(n, height, width, channels)` of finite numbers.
        labels: Integers from 0, `(n,)`, or `(n, 1)` as `keras.datasets` has them.

    Raises:
        ValueError: If the images have another shape, a side of 0 or a number that is not finite,
            or the labels are not integers, or not as many as the images.

    Example:

    ```python
    import numpy as np

    from keras_classics import datasets

    split = datasets.InMemory(np.zeros((3, 8, 8, 1)), [0, 1, 1])
    image, label = split[2]
    ```
    """

    def __init__(self, images: ArrayLike, labels: ArrayLike):
        self.images = _images(images)
        self.labels = _labels(labels, len(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]

    def decode(self, record: Any) -> tuple[Any, Any]:
        images, labels = self._tensors
        return images[record], labels[record]

    def _arrays(self):
        return self.images, self.labels

    def hold_out(self, count: int) -> "tuple[InMemory, InMemory]":
        """Holds out the last images, for example to choose a schedule.

        Args:
            count: How many, from 0 to less than all.

        Returns:
            The images that are kept and those that are held out, two splits of the same kind.

        Raises:
            ValueError: If no image would be kept.
        """
        if not 0 <= count < len(self):
            raise ValueError(
                f"From 0 to {len(self) - 1} of {counted(len(self), 'image')} can be held out. "
                f"Received: {count}"
            )
        kept = len(self) - count
        return self._part(slice(kept)), self._part(slice(kept, None))

    def _part(self, part):
        made = object.__new__(type(self))
        state = self.__getstate__()
        vars(made).update(state, images=self.images[part], labels=self.labels[part])
        return made


class Arrays(InMemory):
    """A split of photographs in memory.

    Args:
        images: uint8 `(n, height, width, channels)` from 0 to 255, of 3 channels or 1.
        labels: Integers from 0, `(n,)`.

    Raises:
        ValueError: If images and labels do not fit together, or are of another type.

    Example:

    ```python
    import numpy as np

    from keras_classics import datasets

    split = datasets.Arrays(np.zeros((3, 8, 8, 3), "uint8"), [0, 1, 1])
    print(len(split), split.labels)
    ```
    """

    def __init__(self, images: ArrayLike, labels: ArrayLike):
        images = _array(images)
        if images.dtype != np.uint8 or images.ndim != 4:
            is_number = images.size and images.dtype.kind in "buif"
            lowest, highest = (images.min(), images.max()) if is_number else ("none", "none")
            raise ValueError(
                "Images must be uint8, from 0 to 255, (n, height, width, channels). Received: "
                f"{images.dtype} from {lowest} to {highest}, {images.shape}. Of images from 0 to "
                '1, `(255 * images).round().astype("uint8")` makes such.'
            )
        if images.shape[-1] not in (1, 3):
            raise ValueError(f"Images must have 3 channels, or 1. Received: {images.shape[-1]}")
        super().__init__(images, labels)


class Digits(InMemory):
    """A split of digits in memory.

    Args:
        images: float32 `(n, height, width, 1)`, from 0 (background) to 1 (ink).
        labels: Integers from 0 to 9, `(n,)`.
        box: Side in pixels of the box that the digits were fitted into; `None` if they were not.

    Raises:
        ValueError: If images or labels are of another size or range.

    Example:

    ```python
    import numpy as np

    from keras_classics import datasets

    split = datasets.Digits(np.zeros((3, 28, 28, 1)), [7, 2, 1], box=20)
    print(split.images.dtype, split.box)  # float32 20
    ```
    """

    classes: ClassVar[tuple] = tuple("0123456789")
    box: int | None = None

    def __init__(self, images: ArrayLike, labels: ArrayLike, box: int | None):
        images, labels = _array(images, "float32"), _array(labels)
        if images.ndim != 4 or images.shape[-1] != 1 or labels.shape != images.shape[:1]:
            raise ValueError(
                "Digits are images (n, height, width, 1) with labels (n,). Received: "
                f"{images.shape} and {labels.shape}"
            )
        axes = (1, 2, 3)
        inside = (images.min(axes, initial=1) >= 0) & (images.max(axes, initial=0) <= 1)
        for wrong, what in [
            (~inside, "ink from 0 to 1"),
            ((labels < 0) | (labels > 9), "labels from 0 to 9"),
        ]:
            if np.any(wrong):
                first = np.flatnonzero(wrong)[0]
                raise ValueError(
                    f"Digits have {what}. Received: image {first} with ink from "
                    f"{images[first].min():g} to {images[first].max():g} and the label "
                    f"{labels[first]}"
                )
        super().__init__(images, labels)
        optional(COUNT).check("box", box)
        self.box = box


class Encoded(Indexed):
    """A split of encoded images, such as JPEG, which are decoded as they are needed."""

    upright, corrupt = False, "refuse"
    damaged: dict[int, str]  # of those that skip what cannot be decoded

    def content(self, record: Any) -> tuple[Any, Any]:
        """The encoded image of a record, and its label, as tensors."""
        raise NotImplementedError

    def decode(self, record: Any) -> tuple[Any, Any]:
        content, label = self.content(record)
        return decode(content, self.upright), label

    def decoded(
        self,
        then: Callable[[np.ndarray], Any] | None = None,
        positions: Collection[int] | None = None,
        verbose: bool = False,
    ) -> Iterator[tuple[int, Any]]:
        """Decodes images, in threads on all processors.

        Only a few results, two for each processor, wait in memory.

        Args:
            then: Function of a decoded image, a uint8 array `(height, width, 3)`. It runs in the
                thread that decoded the image, beside others. Default: the result is `None`.
            positions: The positions of the images. Default: all.
            verbose: Whether it shows how far it is.

        Yields:
            Pairs `(position, result)` in the order of the positions, without damaged files, which
            come into `damaged`.

        Raises:
            ValueError: If a file cannot be decoded, and `corrupt` is `"refuse"`.
            OSError: If a file cannot be read.
        """

        def look(position):
            try:
                image, _ = self[position]
            except ValueError as error:
                return None, error
            return then(image) if then else None, None

        positions = range(len(self)) if positions is None else positions
        threads = os.cpu_count() or 1
        pool = concurrent.futures.ThreadPoolExecutor(threads)
        waiting: collections.deque = collections.deque()
        left = iter(positions)
        progress = Progress("files", len(positions), verbose)
        try:
            while True:
                for position in itertools.islice(left, 2 * threads - len(waiting)):
                    waiting.append((position, pool.submit(look, position)))
                if not waiting:
                    progress.end()
                    return
                position, future = waiting.popleft()
                result, error = future.result()
                progress.add(1)
                if error is None:
                    yield position, result
                elif self.corrupt == "refuse":
                    raise error
                else:
                    self.damaged[int(position)] = reason(error.__cause__ or error)
        finally:  # also where the caller stops early
            pool.shutdown(cancel_futures=True)


class Files(Encoded):
    """A split in files, which are decoded as they are needed.

    A file that cannot be decoded is met when it is read. In a training, the next file of the
    split that can be decoded takes its place, so that the batches are the same in each training,
    whenever it is met. What was met is in `damaged`.

    Args:
        paths: Paths of the files.
        labels: Integers from 0, `(n,)`.
        corrupt: What is done about files that cannot be decoded: `"skip"` leaves them out with a
            warning that names them, `"refuse"` raises `ValueError`.
        upright: Whether photographs are turned as EXIF says, see `read_image`.

    Attributes:
        damaged: The positions of the files that could not be decoded, with the reasons.

    Raises:
        ValueError: If `corrupt` is another word, or the labels are not integers, or not as many
            as the paths.

    Example:

    ```python
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(np.zeros((4, 5, 3), "uint8")).save(f"{folder}/black.png")
        split = datasets.Files([f"{folder}/black.png"], [0])
        print(split[0][0].shape)  # (4, 5, 3)
    ```
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: ArrayLike,
        corrupt: str = "skip",
        upright: bool = False,
    ):
        check_corrupt(corrupt)
        PATHS.check("paths", paths)
        self.paths = Paths.of(paths)
        self.labels = _labels(labels, len(self.paths))
        self.corrupt, self.upright = corrupt, upright
        self.damaged: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):
        return read_image(self.paths[index], self.upright), self.labels[index]

    def content(self, record: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        folders, names, begin, length, folder, labels = self._tensors
        name = tf.strings.substr(names, begin[record], length[record])
        return tf.io.read_file(folders[folder[record]] + name), labels[record]

    def _arrays(self):
        folder, begin, end = self.paths.rows.T.astype("int64")
        length = end - begin
        length[[*self.damaged]] = 0  # which reads a folder, and fails: it is not tried again
        return self.paths.folders, self.paths.names, begin, length, folder, self.labels

    def sound(self, index: int) -> tuple[np.ndarray, Any]:
        """The image at a position and its label; of a damaged file those of the next sound one.

        Args:
            index: The position.

        Raises:
            ValueError: If no file can be decoded, or this one cannot, and `corrupt` is
                `"refuse"`.
            OSError: If a file cannot be read.
        """
        for k in itertools.chain(range(index, len(self)), range(index)):
            if k in self.damaged:
                continue
            try:
                return self[k]
            except ValueError as error:
                if self.corrupt == "refuse":
                    raise
                self.damaged[k] = reason(error.__cause__ or error)
        raise ValueError(f"None of {counted(len(self), 'file')} can be decoded.")

    @property
    def digest(self) -> str:
        """What tells the split from others: a digest of its files' names, sizes and labels.

        The names are those below the folder that all have in common: it may have been moved.
        """
        digest = hashlib.sha256()
        names, labels = self.paths.hashes(self.paths.root()), self.labels.astype("int64")
        for array in (names, self.paths.stats[:, 0], labels):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def take(self, positions: Any) -> "Files":
        """The split of the files at some positions.

        Args:
            positions: Integers.
        """
        positions = np.asarray(positions, "int64")
        part = Files(self.paths.take(positions), self.labels[positions], self.corrupt, self.upright)
        for k in np.flatnonzero(np.isin(positions, [*self.damaged])):
            part.damaged[int(k)] = self.damaged[int(positions[k])]
        return part

    def positions(self, paths: Collection[str]) -> list[int]:
        """The positions of some files, as far as they are of this split.

        Args:
            paths: Their paths.
        """
        wanted = np.unique(Paths.of(paths).hashes())
        return [int(k) for k in np.flatnonzero(np.isin(self.paths.hashes(), wanted))]


class Stream:
    """A split that the user reads: a `tf.data.Dataset` of single pairs `(image, label)`.

    A training epoch shuffles it, within 4,096 images. Of a data set, it ends at a label of no class
    and at an image without pixels; before a training, the first 4,096 images are read for this.

    Args:
        data: The dataset, of known length. The images are uint8 `(height, width, channels)`, of 3
            channels or 1, and the labels integers.

    Raises:
        ValueError: If the dataset gives anything else, or does not know its length.
        tf.errors.InvalidArgumentError: In a training, at a label of no class or an image without
            pixels behind the first 4,096. The message has the label.

    Example:

    ```python
    import numpy as np
    import tensorflow as tf

    from keras_classics import datasets

    pair = np.zeros((3, 8, 8, 3), "uint8"), np.array([0, 1, 1])
    split = datasets.Stream(tf.data.Dataset.from_tensor_slices(pair))
    print(len(split))  # 3
    ```
    """

    def __init__(self, data: Any):
        spec = getattr(data, "element_spec", None)
        if spec is None:
            raise ValueError(
                f"`data` must be a tf.data.Dataset. Received: data is a {type(data).__name__}"
            )
        single = isinstance(spec, tuple) and [s.shape.rank for s in spec] == [3, 0]
        if not single or spec[0].dtype != "uint8" or not spec[1].dtype.is_integer:
            raise ValueError(
                "A tf.data.Dataset must give single examples: a uint8 image (height, width, "
                "channels) from 0 to 255, and its label, an integer. "
                f"Received: {data.element_spec}"
            )
        *sides, channels = spec[0].shape
        if 0 in sides or channels not in (None, 1, 3):
            raise ValueError(
                "Images must have pixels, and 3 channels or 1. Received: a tf.data.Dataset of "
                f"images {tuple(spec[0].shape)}"
            )
        if int(data.cardinality()) < 0:
            raise ValueError(
                "A tf.data.Dataset must end, and must know its length: "
                "`.apply(tf.data.experimental.assert_cardinality(n))`. Received: one that does not"
            )
        self.data, self.channels = data, channels or 3
        self.classes: int | None = None  # until it is a split of `Images`
        self.part = ""

    def __len__(self) -> int:
        return int(self.data.cardinality())

    def records(self, seeds: Any = None, worker: int = 0, workers: int = 1) -> Any:
        data = self.data if seeds is None else shuffled(self.data, seeds)
        return data.shard(workers, worker)

    def decode(self, record: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        image, label = record[0], tf.cast(record[1], tf.int32)
        if self.classes is None:
            return image, label
        is_sound = (label >= 0) & (label < self.classes)
        if not image.shape.is_fully_defined():
            shape = tf.shape(image)
            is_sound &= tf.reduce_all(shape[:2] > 0) & (shape[2] == self.channels)
        # Of texts and int32 it is one operation, which takes no time.
        words = (
            f"{self._words} {self.part} with the label",
            label,
            "and the shape",
            tf.shape(image),
        )
        with tf.control_dependencies([tf.debugging.Assert(is_sound, words)]):
            return image, tf.identity(label)

    @property
    def _words(self):
        return (
            f"{self.classes} classes have labels from 0 to {self.classes - 1}, and images pixels "
            f"of {counted(self.channels, 'channel')}. Received: an image of"
        )

    def of(self, classes: int, part: str) -> "Stream":
        """The same, which refuses labels of no class and images without pixels as it is read.

        Args:
            classes: Number of classes.
            part: Name of the split, for the message.
        """
        stream = Stream(self.data)
        stream.classes, stream.part = classes, part
        return stream

    def refuse_others(self) -> None:
        """Reads the first 4,096 images, and refuses those that `of` does.

        Raises:
            ValueError: The message has the number of the first such image.
        """
        import tensorflow as tf

        first = self.data.take(SHUFFLED).map(lambda *pair: (tf.shape(pair[0]), pair[1]))
        for start, (shapes, labels) in zip(itertools.count(0, 512), first.batch(512), strict=False):
            shapes, labels = shapes.numpy(), labels.numpy().astype("int64")
            wrong = (labels < 0) | (labels >= self.classes)
            wrong |= (shapes[:, :2] < 1).any(axis=1) | (shapes[:, 2] != self.channels)
            for k in np.flatnonzero(wrong)[:1]:
                raise ValueError(
                    f"{self._words} {self.part} with the label {labels[k]} and the shape "
                    f"{tuple(map(int, shapes[k]))}: number {start + k}"
                )


def _array(values: Any, dtype: Any = None) -> np.ndarray:
    """An array, or words for what NumPy makes none of."""
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "Images and labels must be arrays of numbers, the images all of one size. Received: "
            f"{type(values).__name__} ({error})"
        ) from error


def _images(images):
    images = _array(images)
    if images.ndim != 4 or not all(images.shape[1:]) or images.dtype.kind not in "buif":
        raise ValueError(
            "Images must be an array of numbers, (n, height, width, channels), with pixels. "
            f"Received: {images.dtype}, {images.shape}"
        )
    if images.size and not np.isfinite([images.min(), images.max()]).all():
        first = tuple(map(int, np.argwhere(~np.isfinite(images))[0]))
        raise ValueError(
            "Images must be finite. Received: "
            f"{images[first]} in image {first[0]}, row {first[1]}, column {first[2]}"
        )
    return images


def _labels(labels, count):
    labels = _array(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,) or (count and not np.issubdtype(labels.dtype, np.integer)):
        raise ValueError(
            f"{counted(count, 'image')} need as many labels, integers from 0. "
            f"Received: {labels.dtype}, {labels.shape}"
        )
    narrow = labels.astype("int32")
    for k in np.flatnonzero((narrow != labels) | (narrow < 0))[:1]:
        raise ValueError(f"Labels are integers from 0. Received: {labels[k]} for image {k}")
    return narrow


def check_corrupt(word: str) -> None:
    """Refuses another word for what is done about damaged files."""
    if word not in ("skip", "refuse"):
        raise ValueError(f'`corrupt` must be "skip" or "refuse". Received: corrupt={word!r}')


def shuffled(data: Any, seeds: Any) -> Any:
    """A dataset in an order that follows from two integers, drawn from 4,096 records ahead."""
    import tensorflow as tf

    drawn = tf.random.stateless_uniform((), seeds, 0, 2**31 - 1, tf.int64)
    if not tf.executing_eagerly() and tf.compat.v1.get_default_graph().seed == 0:
        # Of this graph alone: beside a seed of 0, TensorFlow would ask whether the drawn one is 0.
        tf.random.set_seed(1)
    return data.shuffle(SHUFFLED, drawn, reshuffle_each_iteration=False)
