"""Batch normalization and dropout, with and without, in one small network on CIFAR-10.

Ioffe & Szegedy, ICML 2015: with batch normalization a network reaches the same accuracy in 14 times
fewer steps. Krizhevsky, Sutskever & Hinton, NIPS 2012, section 4.2: without dropout, the network
overfits substantially; dropout roughly doubles the iterations to converge. Both are of ImageNet.

The network has the convolutions of cuda-convnet's "80sec" and 256 units in the dense layer; ReLU,
and weights that start as by He et al. (2015). Normalization is between each of these four layers
and its ReLU, dropout of a half behind the dense layer, as in section 4.2. 5,000 images are held
out; batches have 128 images, as they are, less their mean, over 64. The learning rate, the same for
all, is divided by 10 for the last quarter of the epochs.
"""

import functools
import itertools
import os
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from keras_classics import datasets, tables, training
from keras_classics.experiments.arms import Arms, errors, finish, held_out, panels, percent, spread
from keras_classics.experiments.relu_vs_tanh import FourLayersRecipe

ARMS = {  # normalization, dropout
    "neither": (False, 0.0),
    "normalization": (True, 0.0),
    "dropout": (False, 0.5),
    "both": (True, 0.5),
}
PAPER = {
    "normalization": "14 times fewer steps (ImageNet)",
    "dropout": "twice the iterations, less overfitting (ImageNet)",
}
TARGET = 30.0  # error in % of the images held out
SEEDS, EPOCHS = 1, 12


def network(
    input_shape: Sequence[int], classes: int, normalization: bool = False, dropout: float = 0.0
) -> keras.Model:
    """Three convolutions and a dense layer.

    Args:
        input_shape: `(height, width, channels)`.
        classes: Number of classes.
        normalization: Whether each layer but the last is followed by batch normalization.
        dropout: Share of the dense layer's units that is dropped.
    """
    x = image = keras.Input(input_shape)
    start = {"kernel_initializer": "he_normal", "use_bias": not normalization}

    def activated(x):
        return layers.ReLU()(layers.BatchNormalization()(x) if normalization else x)

    for filters, pool in [
        (32, layers.MaxPooling2D),
        (32, layers.AveragePooling2D),
        (64, layers.AveragePooling2D),
    ]:
        convolution = layers.Conv2D(
            filters, 5, padding="same", data_format="channels_last", **start
        )
        x = pool(3, 2, padding="same", data_format="channels_last")(activated(convolution(x)))
    x = activated(layers.Dense(256, **start)(layers.Flatten("channels_last")(x)))
    if dropout:
        x = layers.Dropout(dropout)(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(image, x, name="four_layers")


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains the network with neither, either and both, and draws `figure.png`.

    Args:
        data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds.
        epochs: Epochs of each run, at least 2.

    Returns:
        The table, in Markdown.
    """
    data = datasets.load("cifar10", data_dir)
    arms = Arms("regularization", folder, data, seeds * len(ARMS))
    recipe = FourLayersRecipe(
        epochs=epochs,
        last_epochs=(max(1, epochs // 4),),
        factor=0.1,
        learning_rate=0.01,
        bias_rate=1.0,
        scale=1 / 64,
        held_out=held_out(data),
    )
    runs: dict[str, list[training.Run]] = {name: [] for name in ARMS}
    for seed, (name, (normalization, dropout)) in itertools.product(range(seeds), ARMS.items()):
        builder = functools.partial(network, normalization=normalization, dropout=dropout)
        runs[name].append(arms.train(name, recipe, seed, builder=builder))
    draw(runs, arms.folder / "figure.png")
    return table(runs, data)


def table(runs: dict[str, list[training.Run]], data: datasets.Images) -> str:
    """Epochs to an error, the final errors, and the gap between them.

    The training error is that of the finished network, without dropout, on as many images as are
    held out.

    Args:
        runs: The runs of each arm.
        data: The data set.
    """
    head = f"epochs to {TARGET:g} % held out"
    rows: list[tuple] = [("arm", head, "training, %", "held out, %", "gap", "test, %", "papers")]
    for name, mine in runs.items():
        reached = [np.flatnonzero(errors(run, "val_accuracy") <= TARGET) for run in mine]
        words = ", ".join(str(found[0] + 1) if len(found) else "not reached" for found in reached)
        fitted = [_training_error(run, data) for run in mine]
        held, test = ([percent(run, part) for run in mine] for part in ("held out", "test"))
        gap = np.subtract(held, fitted)
        rows.append((name, words, *map(spread, (fitted, held, gap, test)), PAPER.get(name)))
    return tables.markdown(rows)


def _training_error(run, data):
    count = run.manifest["data"]["held out"]
    images, labels = data.train.images[:count], data.train.labels[:count]
    scores = run.network.predict(run.preprocess(images), batch_size=500, verbose=0)
    return 100 * float(np.mean(scores.argmax(-1) != labels))


def draw(runs: dict[str, list[training.Run]], path: pathlib.Path) -> None:
    """Draws the errors of training, with dropout if there is any, and those of the images held out.

    Args:
        runs: The runs of each arm; the first seed is drawn.
        path: Path of the picture.
    """
    row = panels(["error while training", "error of the images held out"])
    found = [
        [errors(first, part) for first, *_ in runs.values()]
        for part in ("accuracy", "val_accuracy")
    ]
    for axes, curves in zip(row, found, strict=True):
        for name, curve in zip(runs, curves, strict=True):
            axes.plot(range(1, len(curve) + 1), curve, linewidth=1.6, label=name)
        axes.set_xlim(1, None)
        axes.xaxis.get_major_locator().set_params(integer=True)
    row[0].set_ylim(max(0, np.min(found) - 3), min(100, np.max(found) + 3))
    finish(row, path, "epochs", "error, %")
