"""What the experiments on CIFAR-10 share: images less their mean, and axes."""

import os
from typing import Any

import numpy as np

from keras_classics.analysis import page
from keras_classics.datasets import cifar10

BATCH_SIZE = 128
MOMENTUM = 0.9


def images(
    data_dir: str | os.PathLike | None, held_out: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """CIFAR-10 as cuda-convnet reads it: pixels from 0 to 255, less the mean image.

    Args:
        data_dir: Folder of the files; `None` for Keras's cache.
        held_out: How many training images, from the end, to hold out.

    Returns:
        `{"train": (images, labels), "held out": ..., "test": ...}`; `"held out"` only if there
        are any. Images are float32 `(n, 32, 32, 3)`, labels int32 `(n,)`.
    """
    data = cifar10.load(data_dir)
    train, held = data.train.hold_out(held_out)
    mean = train.images.mean(axis=0, dtype="float64").astype("float32")
    parts = {"train": train, "held out": held, "test": data.validation}
    return {
        name: (split.images - mean, split.labels) for name, split in parts.items() if len(split)
    }


def announce(number: int, of: int, what: str) -> None:
    """Prints which run of how many begins."""
    print(f"Run {number} of {of}: {what}", flush=True)


def axes(width: float, height: float, columns: int = 1) -> Any:
    """The axes of a figure of this size in inches; of several columns, an array of them."""
    return page.new_figure(figsize=(width, height), layout="constrained").subplots(1, columns)
