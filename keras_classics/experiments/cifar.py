"""What the experiments on CIFAR-10 share: images less their mean, and the table of runs."""

import csv

from keras_classics.datasets import cifar10

BATCH_SIZE = 128
MOMENTUM = 0.9


def images(data_dir, held_out=0):
    """CIFAR-10 as cuda-convnet reads it: pixels from 0 to 255, less the mean image.

    Args:
        data_dir: Folder of the files; `None` for Keras's cache.
        held_out: How many training images, from the end, to hold out.

    Returns:
        `{"train": (images, labels), "held out": ..., "test": ...}`.
    """
    (train, labels), test = (cifar10.read(split, data_dir) for split in ("train", "test"))
    kept = len(train) - held_out
    mean = train[:kept].mean(axis=0, dtype="float64").astype("float32")
    splits = {
        "train": (train[:kept], labels[:kept]),
        "held out": (train[kept:], labels[kept:]),
        "test": test,
    }
    return {name: (pixels - mean, y) for name, (pixels, y) in splits.items() if len(y)}


def axes(width, height, columns=1):
    """The axes of a figure of this size in inches; of several columns, an array of them."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'Experiments draw with matplotlib: pip install "keras-classics[plots]"'
        ) from error
    return Figure(figsize=(width, height), layout="constrained").subplots(1, columns)


def write(rows, path):
    """Writes a list of dicts, all of the same keys, as a CSV file; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
