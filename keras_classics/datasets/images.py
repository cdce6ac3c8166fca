"""Photographs with labels: RGB from 0 to 255, of any size, read one by one as they are needed."""

import concurrent.futures
import dataclasses
import functools
import hashlib
import io
import os
import pathlib
import re
import warnings

import keras
import numpy as np

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
FORMATS = ("BMP", "GIF", "JPEG", "PNG")
VALIDATION = ("val", "validation", "test")  # names of its folder, or of its split


@dataclasses.dataclass(frozen=True)
class Images:
    """A data set of photographs, in two splits, with the `name` that `load` takes.

    A split has a length. Within TensorFlow, `records(seeds, worker, workers)` is a
    `tf.data.Dataset` of what stands for its examples, in the split's order, or for training in
    one that follows from two integers, the seed and the number of the pass; of it the share of
    one of several workers, `ceil((n - worker) / workers)` records; and `decode` makes of a
    record a uint8 image `(height, width, channels)` and its int32 label. Splits in memory or in
    files also have `labels` and give one example as `split[i]`, on any backend.
    """

    name: str
    classes: tuple
    train: object
    validation: object

    def __post_init__(self):
        last = len(self.classes) - 1
        if last < 1:
            raise ValueError(f"Data need two classes or more. Received: {last + 1} of {self.name}")
        for name in ("train", "validation"):
            split = getattr(self, name)
            if not len(split):
                raise ValueError(f"The split {name} has no image. Received: {self.name}")
            labels = getattr(split, "labels", None)
            wrong = np.flatnonzero((labels < 0) | (labels > last)) if labels is not None else ()
            if len(wrong):
                raise ValueError(
                    f"{len(self.classes)} classes have labels from 0 to {last}. Received: "
                    f"{labels[wrong[0]]} for image {wrong[0]} of {name}, {self.name}"
                )


class Indexed:
    """A split whose examples can be had in any order; its records are their positions."""

    def records(self, seeds=None, worker=0, workers=1):
        import tensorflow as tf

        order = tf.range(len(self), dtype=tf.int64)
        if seeds is not None:
            order = tf.random.experimental.stateless_shuffle(order, seeds)
        return tf.data.Dataset.from_tensor_slices(order[worker::workers])

    def __getstate__(self):  # without tensors
        return {k: v for k, v in vars(self).items() if k != "_tensors"}

    @functools.cached_property
    def _tensors(self):
        import tensorflow as tf

        with tf.init_scope():  # outside of the graph that asks first
            return tuple(tf.constant(array) for array in self._arrays())


class Arrays(Indexed):
    """A split in memory: `images`, uint8 `(n, height, width, channels)`, and `labels`, `(n,)`.

    Raises:
        ValueError: If images and labels do not fit together, or are of another type.
    """

    def __init__(self, images, labels):
        images, labels = np.asarray(images), np.asarray(labels)
        if images.dtype != np.uint8 or images.ndim != 4:
            lowest, highest = (images.min(), images.max()) if images.size else ("none", "none")
            raise ValueError(
                "Images must be uint8, from 0 to 255, (n, height, width, channels). Received: "
                f"{images.dtype} from {lowest} to {highest}, {images.shape}. Of images from 0 to "
                '1, `(255 * images).round().astype("uint8")` makes such.'
            )
        if images.shape[-1] not in (1, 3):
            raise ValueError(f"Images must have 3 channels, or 1. Received: {images.shape[-1]}")
        if labels.ndim == 2 and labels.shape[1] == 1:  # as keras.datasets has them
            labels = labels[:, 0]
        if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"{len(images)} images need as many labels, integers from 0. "
                f"Received: {labels.dtype}, {labels.shape}"
            )
        self.images, self.labels = images, labels.astype("int32")

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]

    def decode(self, record):
        images, labels = self._tensors
        return images[record], labels[record]

    def _arrays(self):
        return self.images, self.labels


class Files(Indexed):
    """A split in files: their `paths`, and `labels`, int32 `(n,)`."""

    def __init__(self, paths, labels):
        self.paths, self.labels = paths, labels

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return read_image(self.paths[index]), self.labels[index]

    def decode(self, record):
        import tensorflow as tf

        paths, labels = self._tensors
        return decode(tf.io.read_file(paths[record])), labels[record]

    def _arrays(self):
        return [os.fsencode(path) for path in self.paths], self.labels


class Stream:
    """A split that the user reads: a `tf.data.Dataset` of single examples `(image, label)`.

    Args:
        data: The dataset, of known length, in an order of its own.

    A training pass shuffles it, within 4,096 examples.
    """

    def __init__(self, data):
        spec = data.element_spec
        single = isinstance(spec, tuple) and [s.shape.rank for s in spec] == [3, 0]
        if not single or spec[0].dtype != "uint8":
            raise ValueError(
                "A tf.data.Dataset must give single examples: a uint8 image (height, width, "
                f"channels) from 0 to 255, and its label. Received: {data.element_spec}"
            )
        if int(data.cardinality()) < 0:
            raise ValueError(
                "A tf.data.Dataset must know its length: "
                "`.apply(tf.data.experimental.assert_cardinality(n))`. Received: one that does not"
            )
        self.data = data

    def __len__(self):
        return int(self.data.cardinality())

    def records(self, seeds=None, worker=0, workers=1):
        data = self.data if seeds is None else shuffled(self.data, seeds)
        return data.shard(workers, worker)

    def decode(self, record):
        import tensorflow as tf

        return record[0], tf.cast(record[1], tf.int32)


def wrap(train, validation, classes=None, name="own"):
    """Images of one's own as a data set, for `training.train`.

    Args:
        train: The training images: a pair of arrays `(images, labels)`, uint8 `(n, height,
            width, channels)` from 0 to 255 and integers `(n,)` from 0; or a `tf.data.Dataset`
            of single examples `(image, label)` of that kind, which knows its length.
        validation: The images to test with, likewise.
        classes: Names of the classes. Default for arrays: `"0"`, `"1"` and so on.
        name: Name of the data set.

    Returns:
        `Images`.

    Raises:
        ValueError: If images or labels are of another type, size or range.
    """
    splits = [
        Arrays(*s) if isinstance(s, (tuple, list)) else Stream(s) for s in (train, validation)
    ]
    if classes is None:
        if not isinstance(splits[0], Arrays):
            raise ValueError(
                "A tf.data.Dataset needs the names of its classes. Received: classes=None"
            )
        classes = [str(k) for k in range(int(splits[0].labels.max(initial=-1)) + 1)]
    return Images(name, tuple(classes), *splits)


def shuffled(data, seeds):
    """A dataset in an order that follows from two integers, drawn from 4,096 records ahead."""
    import tensorflow as tf

    drawn = tf.random.stateless_uniform((), seeds, 0, 2**31 - 1, tf.int64)
    return data.shuffle(4096, drawn, reshuffle_each_iteration=False)


def read_image(path):
    """Reads one image file: a uint8 array `(height, width, 3)`, RGB.

    JPEG, PNG, GIF (its first frame) and BMP. Grey, palette and CMYK become RGB; of 16 bits
    the upper 8 remain; alpha is dropped, so that a transparent pixel shows the colour that
    is stored for it. A rotation noted in EXIF is not applied. TensorFlow decodes JPEG and
    PNG where it is the backend, Pillow the rest; the pixels are the same.

    Args:
        path: Path of the file. `ValueError` says why one cannot be decoded.
    """
    try:
        if keras.backend.backend() != "tensorflow":
            return _decode_with_pillow(path)
        import tensorflow as tf

        return decode(tf.io.read_file(os.fsencode(path))).numpy()
    except Exception as error:  # decoders raise nearly anything
        raise ValueError(f"{path} cannot be decoded: {_reason(error)}") from error


def decode(content):
    """`read_image` for the content of a file, in a graph of TensorFlow."""
    import tensorflow as tf

    jpeg_or_png = tf.io.is_jpeg(content) | (tf.strings.substr(content, 0, 4) == b"\x89PNG")
    image = tf.cond(
        jpeg_or_png,
        # Reads PNG as well. Its faster DCT differs from Pillow's by up to 8 grey levels.
        lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.py_function(
            lambda content: _decode_with_pillow(io.BytesIO(content.numpy())), [content], tf.uint8
        ),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _decode_with_pillow(file):
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ValueError("not a JPEG, PNG, GIF or BMP image") from error
    with image:
        if image.mode.startswith("I"):  # grey of 16 bits, which `convert` would clip at 255
            return np.repeat((np.asarray(image) >> 8).astype("uint8")[..., None], 3, axis=-1)
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB"))


def image_folder(folder, corrupt="skip"):
    """A folder of images, with a sub-folder for each class.

    Either `train/CLASS/...` beside `val/CLASS/...` (or `validation`, or `test`), or
    `CLASS/...` alone: then a tenth of each class is held out for validation, at least one
    image, chosen by the hash of the files' names and so the same everywhere. Labels
    number the classes of `train` in the order of their sorted names.

    Each file is decoded once before anything else, so that training meets no surprise.

    Args:
        folder: Path of the folder.
        corrupt: What to do about files that cannot be decoded (empty, truncated, no
            image): `"skip"` leaves them out with a warning that names them, `"refuse"`
            raises `ValueError`.

    Returns:
        `Images`, whose splits are `Files`.
    """
    folder = pathlib.Path(folder).expanduser()
    if corrupt not in ("skip", "refuse"):
        raise ValueError(f'`corrupt` must be "skip" or "refuse". Received: corrupt={corrupt!r}')
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    train, validation = _splits(folder)
    classes = tuple(train)
    if len(classes) < 2:
        raise ValueError(
            f"{folder} must have a sub-folder for each of two classes or more. "
            f"Received: {classes[0]} alone"
        )

    bad = find_corrupt(
        [path for part in (train, validation) for paths in part.values() for path in paths]
    )
    if bad:
        message = f"{len(bad)} files of {folder} cannot be decoded: " + _some(
            [f"{os.path.relpath(path, folder)} ({reason})" for path, reason in bad.items()]
        )
        if corrupt == "refuse":
            raise ValueError(message)
        warnings.warn(f"{message}. They are left out.", stacklevel=2)
    parts = []
    for part in (train, validation):
        pairs = [
            (path, label)
            for label, name in enumerate(classes)
            for path in part.get(name, ())
            if path not in bad
        ]
        parts.append(Files([path for path, _ in pairs], np.array([y for _, y in pairs], "int32")))
    counts = np.bincount(parts[0].labels, minlength=len(classes))
    bare = [name for name, count in zip(classes, counts, strict=True) if not count]
    if bare or not len(parts[1]):
        raise ValueError(
            f"{folder} has no image left that can be decoded for {_some(bare) or 'validation'}."
        )
    return Images(str(folder.resolve()), classes, *parts)


def test_folder(folder):
    """The validation images of a folder, or all of one that is not split, without training ones.

    Args:
        folder: Path of a folder as of `image_folder`.

    Returns:
        Names of the classes, and their `Files`, which are not decoded beforehand.
    """
    folder = pathlib.Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    held = next((folder / name for name in VALIDATION if _folders(folder / name)), folder)
    classes = _classes(held)
    pairs = [(path, k) for k, paths in enumerate(classes.values()) for path in paths]
    return tuple(classes), Files([p for p, _ in pairs], np.array([k for _, k in pairs], "int32"))


def find_corrupt(paths):
    """The files that `read_image` cannot read, with the reasons: `{path: reason}`.

    Decodes each file once, on all processors.
    """
    threads = os.cpu_count()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        found = pool.map(_reasons, [paths[k::threads] for k in range(threads)])
    reasons = {path: reason for part in found for path, reason in part.items()}
    return dict(sorted(reasons.items()))


def _reasons(paths):
    reasons = {}
    for path in paths:
        try:
            read_image(path)
        except ValueError as error:
            reasons[path] = _reason(error.__cause__)
    return reasons


def _reason(error):
    """The first line of a decoder's error, without TensorFlow's names of its operations."""
    first_line = str(error).split("\n")[0]
    return re.sub(r"\{\{.*?\}\} |ValueError: | \[Op:\w+\]", "", first_line)


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
            f"Received: {_some(sorted(unknown))}"
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
                f"remove the folder. Received: {_some(files) or 'no files'}"
            )
    if not classes:
        raise ValueError(f"{folder} must have a sub-folder of images for each class.")
    if others:
        warnings.warn(
            f"{len(others)} files of {folder} are ignored, because their names do not end in "
            f"{', '.join(EXTENSIONS)}: {_some(others)}",
            stacklevel=4,
        )
    return classes


def _folders(folder):
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _some(names):
    names = list(names)
    rest = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + rest
