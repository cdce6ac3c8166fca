"""Photographs packed into shards, ArrayRecord files, as `packing` writes them."""

import functools
import hashlib
import json
import os
import pathlib
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_classics.checks import PATH, arguments, install
from keras_classics.datasets.decoding import decoded, reason
from keras_classics.datasets.images import Images
from keras_classics.datasets.loading import MANIFEST, PLAN
from keras_classics.datasets.splits import Encoded

FORMAT = "keras-classics shards 1"
WINDOW = 16  # shards whose records are mixed with each other in an epoch
BLOCK = 16  # records that TensorFlow reads by one call
OPEN = 64  # shards that are open at a time
# One record at a time, of 50 to 200 KB.
READING = "readahead_buffer_size:0,max_parallelism:0"


class Shard(NamedTuple):
    """A file of records, each the content of an image file.

    Args:
        path: Path of the file.
        records: Number of its records.
        bytes: Its size.
        sha256: Its digest.
    """

    path: str
    records: int
    bytes: int
    sha256: str


class Shards(Encoded):
    """A split in shards, whose images are decoded as they are needed.

    Any image can be had at any time, from several threads, and after a fork or a pickle in other
    processes, too: nothing is read in advance, and no index is shared. At most 64 files are open.

    Args:
        shards: The files, each a `Shard`.
        labels: Integers from 0, of the records of all files in their order.
        upright: Whether photographs are turned as EXIF says, see `read_image`.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file has another size, or there are more labels than records, or fewer.
        ImportError: If array_record is not installed.

    Example:

    ```python
    import pathlib
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat", "dog"):
            (pathlib.Path(folder) / "photographs" / name).mkdir(parents=True)
            for k in range(2):
                image = Image.fromarray(np.full((4, 5, 3), 100 * k, "uint8"))
                image.save(f"{folder}/photographs/{name}/{k}.png")
        files = datasets.image_folder(f"{folder}/photographs")
        datasets.pack(files, f"{folder}/packed", shards=2, verbose=0)
        split = datasets.load(f"{folder}/packed").train
        image, label = split[0]
    print(len(split), image.shape)  # 2 (4, 5, 3)
    ```
    """

    def __init__(self, shards: Sequence[Shard], labels: ArrayLike, upright: bool = False):
        array_record()
        self.shards, self.labels, self.upright = list(shards), np.asarray(labels), upright
        for shard in self.shards:
            refuse_other_size(shard)
        self.ends = np.cumsum([shard.records for shard in self.shards])
        if self.labels.shape != (self.ends[-1],):
            raise ValueError(
                f"Shards of {self.ends[-1]:,} records need as many labels. "
                f"Received: {self.labels.shape}"
            )
        self._forget()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index):
        try:
            return decoded(self.encoded(index), self.upright), self.labels[index]
        except ValueError as error:
            raise ValueError(f"{self._place(index)}: {reason(error)}") from error

    @property
    def digest(self) -> str:
        """What tells the split from others: a digest of its labels and of its shards' digests."""
        digest = hashlib.sha256(self.labels.tobytes())
        for shard in self.shards:
            digest.update(shard.sha256.encode())
        return digest.hexdigest()

    def encoded(self, index: int) -> bytes:
        """The content of the file of one image.

        Args:
            index: Number of the image.

        Raises:
            OSError: If the record is damaged; the message names the shard.
        """
        shard, position = self._find(index)
        try:
            return self._reader(shard).read([position])[0]
        except RuntimeError as error:
            raise OSError(
                f"{self._place(index)} is damaged ({reason(error)}). Get the file again: "
                "`datasets.verify` names all that differ from what was packed."
            ) from error

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The order of a training epoch, a function of its seed and its number alone.

        The shards come in an order by chance, and the records of 16 of them are mixed with each
        other. So what caches files, as mounted buckets and systems of network files do, gets
        each of them once an epoch. They were shuffled when they were packed.

        Args:
            seed: The seed.
            epoch: Number of the epoch, from 0.

        Returns:
            The numbers of all images, int64.
        """
        random = np.random.default_rng([seed, epoch])
        numbers = np.split(np.arange(len(self)), self.ends[:-1])
        shards = random.permutation(len(numbers))
        windows = (shards[first : first + WINDOW] for first in range(0, len(shards), WINDOW))
        mixed = (random.permutation(np.concatenate([numbers[k] for k in each])) for each in windows)
        return np.concatenate([*mixed])

    def records(self, seeds: Any = None, worker: int = 0, workers: int = 1) -> Any:
        import tensorflow as tf

        if seeds is None:
            return super().records(None, worker, workers)
        order = tf.numpy_function(lambda pair: self.order(*pair), [seeds], tf.int64)
        order = tf.ensure_shape(order, (len(self),))
        return tf.data.Dataset.from_tensor_slices(order[worker::workers])

    def content(self, record: Any) -> tuple[Any, Any]:
        if isinstance(record, tuple):  # which `read_ahead` has read
            return record
        contents, labels = self._read(record[None])
        return contents[0], labels[0]

    def read_ahead(self, data: Any) -> Any:
        """Reads the records of a dataset in blocks, on the way to `content` or `decode`.

        A call of Python takes longer than the reading of a record. Of 16 records, both together
        take the time in which TensorFlow reads as many files.

        Args:
            data: A `tf.data.Dataset` of tuples, whose first element is a record.

        Returns:
            The dataset in the same order, with what was read in place of the record.
        """
        import tensorflow as tf

        data = data.batch(BLOCK)
        data = data.map(lambda records, *rest: (self._read(records), *rest), tf.data.AUTOTUNE)
        return data.unbatch()

    def _read(self, records):
        import tensorflow as tf

        def read(indices):
            return np.array([self.encoded(index) for index in indices], object)

        (labels,) = self._tensors
        contents = tf.numpy_function(read, [records], tf.string)
        return tf.ensure_shape(contents, records.shape), tf.gather(labels, records)

    def _arrays(self):
        return (self.labels,)

    def _find(self, index):
        """The number of an image's shard, and the position in it."""
        index = range(len(self))[index]
        shard = int(np.searchsorted(self.ends, index, "right"))
        return shard, int(index - self.ends[shard] + self.shards[shard].records)

    def _place(self, index):
        shard, position = self._find(index)
        return f"{self.shards[shard].path}, record {position},"

    def _reader(self, shard):
        with self._lock:
            reader = self._readers.pop(shard, None)
            if reader is None:
                reader = open_shard(self.shards[shard])
            self._readers[shard] = reader  # as the last one
            if len(self._readers) > OPEN:  # the first was not used for the longest time
                del self._readers[next(iter(self._readers))]
            return reader

    def _forget(self):
        self._readers, self._lock = {}, threading.Lock()

    def __getstate__(self):  # without readers
        return {k: v for k, v in super().__getstate__().items() if k not in ("_readers", "_lock")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._forget()


@arguments(folder=PATH)
def open_packed(folder: str | os.PathLike, upright: bool = False) -> Images[Shards]:
    """Opens a folder of shards, as `datasets.load` does.

    Args:
        folder: Path of the folder.
        upright: Whether photographs are turned as EXIF says, see `read_image`. It is, if they
            were when they were packed.

    Raises:
        FileNotFoundError: If a file of it is not there, or packing did not finish.
        ValueError: If its manifest or a file of it is not what was packed.
        ImportError: If array_record is not installed.
    """
    root = pathlib.Path(folder).expanduser().resolve()
    manifest = read_manifest(root)
    upright = upright or manifest["upright"]
    splits = {}
    for part, stated in manifest["splits"].items():
        labels = _labels(root, stated["labels"])
        splits[part] = Shards(shards_of(root, stated), labels, upright)
    train, held, *test = splits.values()
    names, word = tuple(manifest["classes"]), manifest["held"]
    return Images(str(root), names, train, held, word, test[0] if test else None)


def read_manifest(root: pathlib.Path) -> dict[str, Any]:
    """The manifest of a packed folder.

    Args:
        root: The folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is of another kind.
    """
    path = root / MANIFEST
    if not path.is_file():
        begun = (root / PLAN).is_file()
        raise FileNotFoundError(
            f"{root} is not packed to the end: it has no {MANIFEST}. Run the same command again, "
            "and it goes on."
            if begun
            else f"{root} is no folder of packed shards: it has no {MANIFEST}."
        )
    manifest = read_json(path)
    if manifest.get("format") != FORMAT:
        found = manifest.get("format")
        raise ValueError(f'{path} must have the format "{FORMAT}". Received: {found!r}')
    return manifest


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """What stands in a file of JSON.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        return dict(json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}. Get it again, or pack again.") from error


def shards_of(root: pathlib.Path, stated: dict[str, Any]) -> list[Shard]:
    """The shards of a split.

    Args:
        root: The folder.
        stated: What its manifest states of the split.
    """
    return [Shard(**{**row, "path": str(root / row["path"])}) for row in stated["shards"]]


def _labels(root, stated):
    path = root / stated["path"]
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}, which {MANIFEST} names. Get it again.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != stated["sha256"]:
        raise ValueError(f"{path} is damaged: it is not what was packed. Get it again.")
    return np.load(path)


def refuse_other_size(shard: Shard) -> None:
    """Refuses a shard whose file is not there, or is longer or shorter.

    Args:
        shard: The `Shard`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another size.
    """
    if not os.path.isfile(shard.path):
        raise FileNotFoundError(f"There is no shard {shard.path}. Get it again, or pack again.")
    size = os.path.getsize(shard.path)
    if size != shard.bytes:
        raise ValueError(
            f"The shard {shard.path} must have {shard.bytes:,} bytes. Received: {size:,}. Get it "
            "again, or pack again."
        )


def open_shard(shard: Shard) -> Any:
    """A reader of a shard.

    Args:
        shard: The `Shard`.

    Raises:
        FileNotFoundError, ValueError: If it is not there, or not as it was packed.
    """
    refuse_other_size(shard)
    reader = array_record().ArrayRecordReader(
        shard.path, options=READING, file_reader_buffer_size=2**15
    )
    # Of a file of another kind the reader has no records, and an error only as it is read.
    if reader.num_records() != shard.records:
        raise ValueError(
            f"The shard {shard.path} must have {shard.records:,} records. Received: "
            f"{reader.num_records():,}. Get it again, or pack again."
        )
    return reader


@functools.cache
def array_record() -> Any:
    """The module of ArrayRecord's reader and writer.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        raise ImportError(f"Shards are ArrayRecord files: {install('pack')}") from error
    return array_record_module
