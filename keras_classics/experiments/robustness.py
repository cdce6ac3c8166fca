"""LeNets on distorted digits: the invariance and the noise resistance of LeNet-5's paper.

LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, section III: the paper shows distorted
and noisy digits that LeNet-5 reads right, and estimates that it is accurate for vertical shifts of
half the height of a digit, scales over a factor of two, and rotations of 30 degrees to either side.
It has no curves. Here the error is drawn over each distortion of MNIST's test digits, alone, for
LeNet-1 and LeNet-5, and for LeNet-5 that was trained with distortions of its own (section III.B).

The networks are those of the package, and all test digits are read. A digit that is shifted or
enlarged over the edge of the network's plane is cut there.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_classics import datasets, tables, training
from keras_classics.analysis.page import PALE
from keras_classics.applications import LeNet1, LeNet5
from keras_classics.experiments.arms import Arms, finish, panels

NETWORKS = {  # builder, recipe, weights of the package
    "LeNet-1": (LeNet1, "lenet1", "mnist"),
    "LeNet-5": (LeNet5, "lenet5", "mnist"),
    "LeNet-5, distortions": (LeNet5, "lenet5", "mnist-distortions"),
}
AMOUNTS = {
    "vertical shift, heights": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "scale": (0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.6),
    "rotation, degrees": (-50, -40, -30, -20, -10, 0, 10, 20, 30, 40, 50),
    "noise, share of pixels": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2),
}
SHIFT, SCALE, ROTATION, NOISE = AMOUNTS
# The paper's estimate of where LeNet-5 is accurate; a factor of two is from 0.7 to 1.4.
PAPER = {SHIFT: (0.0, 0.5), SCALE: (0.7, 1.4), ROTATION: (-30, 30)}
TABLE = {SHIFT: (0.2, 0.5), SCALE: (0.7, 1.4), ROTATION: (-30, 30), NOISE: (0.1,)}


class Subject(NamedTuple):
    """A network and digits as it takes them.

    `predict` gives scores `(n, classes)`, of which the highest counts, for images `(n, height,
    width, 1)` with `paper` around a digit in the middle, of `box` pixels, in `ink`.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    images: np.ndarray
    paper: float
    ink: float
    box: int


def run(data_dir: str | os.PathLike | None, folder: str | os.PathLike) -> str:
    """Reads distorted digits of MNIST with the package's networks, and draws `figure.png`.

    Args:
        data_dir: Folder of MNIST's files; `None` for Keras's cache.
        folder: A folder for the picture, made if need be.

    Returns:
        The table, in Markdown.
    """
    data = datasets.load("mnist", data_dir)
    folder, labels = Arms("robustness", folder, data, total=0).folder, data.validation.labels
    curves = {name: errors(subject(*each, data), labels) for name, each in NETWORKS.items()}
    draw(curves, folder / "figure.png")
    return table(curves)


def subject(
    builder: Callable[..., keras.Model], recipe: str, weights: str, data: datasets.Images
) -> Subject:
    """A network of the package, and the test digits on its plane.

    Args:
        builder: Builder of the network.
        recipe: Name of its recipe, which places the digits.
        weights: Name of its weights.
        data: The digits.
    """
    known: Any = training.recipe(recipe)
    how = dataclasses.replace(known, centre="mnist")
    tested = datasets.Images(data.name, data.classes, data.validation, data.validation)
    images = how.splits(tested)[tested.held].images
    network = builder(weights=weights)

    def predict(images):
        return network.predict(images, batch_size=500, verbose=0)

    return Subject(predict, images, how.paper, how.ink, how.box)


def errors(subject: Subject, labels: np.ndarray) -> dict[str, list[float]]:
    """The errors of a network in percent, for each amount of each distortion.

    Args:
        subject: The network and its images.
        labels: Their classes, integers `(n,)`.

    Returns:
        `{distortion: errors}`, as `AMOUNTS` has the amounts.
    """

    def error(kind, amount):
        scores = subject.predict(distorted(subject, kind, amount))
        return 100 * float(np.mean(np.argmax(scores, axis=-1) != labels))

    return {kind: [error(kind, each) for each in amounts] for kind, amounts in AMOUNTS.items()}


def distorted(subject: Subject, kind: str, amount: float, seed: int = 0) -> np.ndarray:
    """The images of a subject, all distorted alike.

    Args:
        subject: The network and its images.
        kind: A key of `AMOUNTS`. A shift is downwards, as a share of the digit's box; a rotation
            is clockwise; noise turns pixels of paper to ink, and those of ink to paper.
        amount: How much.
        seed: Seed of the noise.
    """
    images = subject.images
    if kind == NOISE:
        turned = np.random.default_rng(seed).random(images.shape) < amount
        return np.where(turned, subject.paper + subject.ink - images, images)
    height, width = images.shape[1:3]
    angle = np.deg2rad(amount if kind == ROTATION else 0)
    scale = amount if kind == SCALE else 1
    down = amount * subject.box if kind == SHIFT else 0
    # The eight numbers say where each pixel of the output comes from.
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    u, v = (width - 1) / 2, (height - 1) / 2
    from_u, from_v = u - cos * u - sin * (v + down), v + sin * u - cos * (v + down)
    transform = np.array([cos, sin, from_u, -sin, cos, from_v, 0, 0], "float32")
    found = ops.image.affine_transform(
        images,
        np.tile(transform, (len(images), 1)),
        interpolation="bilinear",
        fill_mode="constant",
        fill_value=subject.paper,
        data_format="channels_last",
    )
    return ops.convert_to_numpy(found)


def table(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """The errors without distortion, and with some of each.

    Args:
        curves: Of each network the errors, as `errors` gives them.
    """
    rows: list[tuple] = [("errors in %", *curves, "the paper, of LeNet-5")]
    at_rest = AMOUNTS[SHIFT].index(0.0)
    rows.append(("no distortion", *(f"{each[SHIFT][at_rest]:.2f}" for each in curves.values()), ""))
    for kind, amounts in AMOUNTS.items():
        for amount in TABLE[kind]:
            cells = (f"{each[kind][amounts.index(amount)]:.2f}" for each in curves.values())
            words = "accurate" if kind in PAPER else ""
            rows.append((f"{kind}: {amount:g}", *cells, words))
    return tables.markdown(rows)


def draw(curves: Mapping[str, Mapping[str, Sequence[float]]], path: pathlib.Path) -> None:
    """Draws the error over each distortion; grey is where the paper calls LeNet-5 accurate.

    Args:
        curves: Of each network the errors, as `errors` gives them.
        path: Path of the picture.
    """
    row = panels(AMOUNTS, width=3.3)
    for axes, (kind, amounts) in zip(row, AMOUNTS.items(), strict=True):
        if kind in PAPER:
            axes.axvspan(*PAPER[kind], color=PALE, alpha=0.5)
        for name, found in curves.items():
            axes.plot(amounts, found[kind], "o-", markersize=4, linewidth=1.4, label=name)
        axes.set_ylim(0, 100)
    row[-1].legend(frameon=False, fontsize=10, loc="upper left")
    finish(row, path, "", "error of the test digits, %", legend=False)
