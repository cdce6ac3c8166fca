"""Photographs of TensorFlow Datasets, by the names of its catalogue."""

import contextlib
import os
from typing import Any

from keras_classics import backend, cache
from keras_classics.checks import install
from keras_classics.datasets.decoding import decode
from keras_classics.datasets.folders import SPLITS
from keras_classics.datasets.images import Images
from keras_classics.datasets.splits import shuffled


class Examples:
    """A split of a data set of TensorFlow Datasets.

    Args:
        builder: A `tfds.core.DatasetBuilder`, whose files are prepared.
        split: Name of the split, such as `"train"` or `"train[:90%]"`.
        upright: Whether photographs are turned as EXIF says, see `read_image`.
    """

    def __init__(self, builder: Any, split: str, upright: bool = False):
        self.builder, self.split, self.upright = builder, split, upright

    def __len__(self) -> int:
        return self.builder.info.splits[self.split].num_examples

    def records(self, seeds: Any = None, worker: int = 0, workers: int = 1) -> Any:
        import tensorflow as tf
        import tensorflow_datasets as tfds

        data = self.builder.as_dataset(
            tfds.even_splits(self.split, workers)[worker],  # whole files, as far as it goes
            decoders=tfds.decode.PartialDecoding(
                {"image": True, "label": True}, {"image": tfds.decode.SkipDecoding()}
            ),
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        options = tf.data.Options()
        options.deterministic = True
        data = data.with_options(options)
        # The files were shuffled when they were written.
        return data if seeds is None else shuffled(data, seeds)

    def decode(self, record: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        return decode(record["image"], self.upright), tf.cast(record["label"], tf.int32)


def load(
    name: str, data_dir: str | os.PathLike | None = None, upright: bool = False
) -> Images[Examples]:
    """A data set of the catalogue of TensorFlow Datasets, with features `image` and `label`.

    Validation is its split `validation`, and `test` is tested at the end alone, if it has labels.
    Without `validation` it is `test`, and without both the last tenth of `train`. The images are
    decoded as `read_image` does. They are not surveyed: the catalogue checks what it downloads.

    Args:
        name: Name in the catalogue, such as `"imagenette"` or `"imagenette/320px"`.
        data_dir: Folder of its files. Default: `~/tensorflow_datasets`, and what is
            not there is downloaded.
        upright: Whether photographs are turned as EXIF says, see `read_image`.

    Returns:
        `Images`, whose splits are `Examples`.

    Raises:
        ValueError: If TensorFlow is not the backend, or the data set has other features or no
            split `train`.
        ImportError: If TensorFlow Datasets is not installed.
        FileNotFoundError: If a download cannot begin, or stands still for 15 seconds.
    """
    if not backend.has_tf_data():
        raise ValueError(
            f"tfds:{name} needs the TensorFlow backend. Received: KERAS_BACKEND="
            f"{backend.name()}. Other backends read folders of images."
        )
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(f"tfds:{name} needs TensorFlow Datasets: {install('tfds')}") from error
    with _impatient(name):
        builder = tfds.builder(name, data_dir=data_dir)
    features = dict(builder.info.features.items())
    if not (
        isinstance(features.get("image"), tfds.features.Image)
        and isinstance(features.get("label"), tfds.features.ClassLabel)
    ):
        raise ValueError(
            f"tfds:{name} must have the features image (Image) and label (ClassLabel). "
            f"Received: {', '.join(f'{k} ({type(v).__name__})' for k, v in features.items())}"
        )
    with _impatient(name):
        builder.download_and_prepare()
    splits = builder.info.splits
    if "train" not in splits:
        raise ValueError(f"tfds:{name} must have a split `train`. Received: {', '.join(splits)}")
    held = [word for word in SPLITS["validation"] if word in splits][:1]
    if "test" in splits and _has_labels(Examples(builder, "test")):
        held.append("test")
    names = ["train", *held] if held else ["train[:90%]", "train[90%:]"]
    first, second, *third = (Examples(builder, split, upright) for split in names)
    test = third[0] if third else None
    return Images(f"tfds:{name}", tuple(features["label"].names), first, second, test=test)


@contextlib.contextmanager
def _impatient(name):
    """A context in which a server that cannot be reached, or says nothing, ends a download.

    TensorFlow Datasets downloads by `requests`, without a limit of time, and tries ten times.

    Raises:
        FileNotFoundError: In one line.
    """
    import requests

    adapter = requests.adapters.HTTPAdapter
    send = adapter.send

    def send_once(self, request, stream=False, timeout=None, **more):
        self.max_retries = self.max_retries.new(connect=0, read=0)
        return send(self, request, stream, timeout or cache.PATIENCE, **more)

    adapter.send = send_once  # in its threads, too
    try:
        with cache.impatient():
            yield
    except (requests.RequestException, TimeoutError) as error:
        raise FileNotFoundError(
            f"tfds:{name} needs files that are not there, and could not be downloaded "
            f"({' '.join(str(error).split())}). Prepare it where there is a network, and name the "
            "folder that has it with --data_dir."
        ) from error
    finally:
        adapter.send = send


def _has_labels(split):
    """Whether the labels of a test are not kept secret."""
    return all(int(record["label"]) >= 0 for record in split.records().take(1))
