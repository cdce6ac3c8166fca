"""What the experiments on CIFAR-10 share: images less their mean, and axes."""

import os
from typing import Any

import numpy as np

from keras_classics.analysis import page
from keras_classics.datasets import cifar10

BATCH_SIZE = 128
MOMENTUM = 0.9


def images(
    data_dir: str | os.PathLike | None, held_out: int = 0, less_mean: bool = True
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """CIFAR-10 as cuda-convnet reads it: pixels from 0 to 255, less the mean image.

    Args:
        data_dir: Folder of the files; `None` for Keras's cache.
        held_out: How many training images, from the end, to hold out.
        less_mean: Whether the mean of the training images is subtracted. From crops the program
            subtracts another part of it: see `ablation`.

    Returns:
        `{"train": (images, labels), "held out": ..., "test": ...}`; `"held out"` only if there
        are any. Images are `(n, 32, 32, 3)`, float32, or uint8 without `less_mean`; labels int32
        `(n,)`.
    """
    data = cifar10.load(data_dir)
    train, held = data.train.hold_out(held_out)
    parts = {"train": train, "held out": held, "test": data.validation}
    found = {name: (split.images, split.labels) for name, split in parts.items() if len(split)}
    if not less_mean:
        return found
    mean = mean_of(train.images)
    return {name: (images - mean, labels) for name, (images, labels) in found.items()}


def mean_of(images: np.ndarray) -> np.ndarray:
    """The mean of images, float32 `(32, 32, 3)`."""
    return images.mean(axis=0, dtype="float64").astype("float32")


def announce(number: int, of: int, what: str) -> None:
    """Prints which run of how many begins."""
    print(f"Run {number} of {of}: {what}", flush=True)


def axes(width: float, height: float, columns: int = 1) -> Any:
    """The axes of a figure of this size in inches; of several columns, an array of them."""
    return page.new_figure(figsize=(width, height), layout="constrained").subplots(1, columns)
