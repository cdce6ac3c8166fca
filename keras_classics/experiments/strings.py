"""Digits in strings, read by a network that is swept over them (LeNet-5's paper, section VII).

LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, train LeNet-5 for that on windows with a
digit in the middle and another at either side, -1 to 4 pixels from its bounding box; or with none
in the middle, which is a class of its own. A tenth of the pixels is turned over. They show strings
that are read right, and count none. Here 3 to 5 of MNIST's test digits make a string, and the share
of strings that are read right is counted by the pixels between two digits: of a network that is
trained so, and of the package's LeNet-5s, which have seen single digits alone.

Not as in the paper: the output is a softmax, whose last class is no character, and there are fewer
epochs. The paper does not say how many windows have none in the middle, nor how far apart their
digits are: here a fifth as many as the others, and -1 to 20 pixels.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_classics import datasets, tables, training
from keras_classics.analysis import reading
from keras_classics.applications import LeNet5
from keras_classics.applications.lenet5 import swept
from keras_classics.experiments.arms import Arms, finish, panels, spread
from keras_classics.preprocessing import digit_string
from keras_classics.preprocessing.digit_plane import INK

SEEDS, EPOCHS = 1, 5
PACKAGED = {"LeNet-5": "mnist", "LeNet-5, distortions": "mnist-distortions"}
TRAINED = "LeNet-5, neighbours"
GAPS = (-1, 1, 4, 8, 12)  # pixels between the bounding boxes of two digits
LENGTHS, STRINGS = (3, 5), 1000  # digits of a string; strings of each gap
APART, EMPTY = (-1, 4), (-1, 20)  # pixels between a digit and its neighbour; between two alone
NOISE = 0.1  # share of pixels that are turned over
PAPER, BLACK = -0.1, 1.175  # section II.B


class Windows(datasets.InMemory):
    """Windows of 32x32 with their classes, of which the last is no character."""

    box = 20


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains LeNet-5 with neighbours, reads strings of MNIST's digits, and draws `figure.png`.

    Args:
        data_dir: Folder of MNIST's files; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds of the training and of the strings.
        epochs: Epochs of each run.

    Returns:
        The table, in Markdown.
    """
    data = datasets.load("mnist", data_dir)
    arms = Arms("strings", folder, data, seeds)
    changes: dict[str, Any] = {"epochs": epochs, "head": "softmax", "loss": "crossentropy"}
    recipe = dataclasses.replace(training.recipe("lenet5"), **changes)
    found: dict[str, list] = {name: [] for name in (*PACKAGED, TRAINED)}
    for seed in range(seeds):
        classes = (*datasets.Digits.classes, "none")
        train, held = (windows(split, seed) for split in (data.train, data.validation))
        made = datasets.Images("windows", classes, train, held)
        trained = arms.train("neighbours", recipe, seed, made)
        networks = {name: LeNet5(weights=weights) for name, weights in PACKAGED.items()}
        for name, network in (networks | {TRAINED: trained.network}).items():
            shares = [right(network, data.validation, gap, seed) for gap in GAPS]
            found[name].append(shares)
    draw(found, arms.folder / "figure.png")
    return table(found)


def windows(split: datasets.Digits, seed: int) -> Windows:
    """Each digit between two others, and windows with none in the middle.

    Args:
        split: The digits, of 28x28.
        seed: Seed of what is drawn.
    """
    draws, count = np.random.default_rng(seed), len(split)
    inked = split.images.max(axis=(1, 3)) > INK
    first, end = inked.argmax(axis=1), inked.shape[1] - inked[:, ::-1].argmax(axis=1)
    cut = [image[:, a:b, 0] for image, a, b in zip(split.images, first, end, strict=True)]
    empty = max(1, count // 5)
    planes = np.zeros((count + empty, 28, 28 + 2 * 28), "float32")  # wide enough for the neighbours
    planes[:count, :, 28:56] = split.images[..., 0]
    gaps = draws.integers(*APART, size=(count, 2), endpoint=True)
    alone = draws.integers(*EMPTY, size=empty, endpoint=True)
    left = np.append(first - gaps[:, 0], 14 - alone // 2)  # where the left neighbour ends
    right = np.append(end + gaps[:, 1], 14 - alone // 2 + alone)
    for plane, before, after, pair in zip(
        planes, 28 + left, 28 + right, draws.integers(0, count, (len(planes), 2)), strict=True
    ):
        for part, start in ((cut[pair[0]], before - cut[pair[0]].shape[1]), (cut[pair[1]], after)):
            place = plane[:, start : start + part.shape[1]]
            np.maximum(place, part[:, : place.shape[1]], out=place)
    found = np.pad(planes, ((0, 0), (2, 2), (0, 0)))[:, :, 26:58]
    turned = draws.random(found.shape, "float32") < NOISE
    labels = np.append(split.labels, np.full(empty, 10))
    return Windows(np.where(turned, 1 - found, found)[..., None], labels)


def right(network: Any, digits: datasets.Digits, gap: int, seed: int) -> float:
    """The share of strings that a network reads right, in percent.

    Args:
        network: A trained LeNet-5: with RBF units, or a softmax whose last class is no character.
        digits: The digits that the strings are made of.
        gap: Pixels between the bounding boxes of two digits.
        seed: Seed of the strings.
    """
    draws = np.random.default_rng(seed)
    shortest, longest = LENGTHS
    chosen = [
        draws.integers(0, len(digits), draws.integers(shortest, longest, endpoint=True))
        for _ in range(STRINGS)
    ]
    lines = [digit_string(digits.images[each], gap=gap) for each in chosen]
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
    images = PAPER + (BLACK - PAPER) * np.stack(padded)
    outputs = swept(network).predict(images, batch_size=50, verbose=0)
    correct = [
        characters(scores) == tuple(digits.labels[each])
        for scores, each in zip(outputs[:, 0], chosen, strict=True)
    ]
    return 100 * float(np.mean(correct))


def characters(scores: np.ndarray) -> tuple[int, ...]:
    """The digits of a line, from the scores of a swept network, `(columns, classes)`."""
    if scores.shape[1] == len(datasets.Digits.classes):
        return reading(scores).labels
    scores = np.log(np.maximum(scores, 1e-30))
    return reading(scores[:, :-1], none=scores[:, -1]).labels


def table(found: Mapping[str, list]) -> str:
    """The strings that are read right, by the gap.

    Args:
        found: Of each network, and each seed, the shares for all gaps.
    """
    rows: list[tuple] = [("strings read right, %, by the pixels between two digits", *found)]
    for k, gap in enumerate(GAPS):
        cells = (spread(shares[k] for shares in each) for each in found.values())
        rows.append((f"{gap}", *cells))
    return tables.markdown(rows)


def draw(found: Mapping[str, list], path: pathlib.Path) -> None:
    """Draws the share of strings that are read right over the gap.

    Args:
        found: Of each network, and each seed, the shares for all gaps.
        path: Path of the picture.
    """
    row = panels(["strings of 3 to 5 digits"], width=6.5)
    for name, each in found.items():
        row[0].plot(GAPS, np.mean(each, axis=0), "o-", markersize=4, linewidth=1.4, label=name)
    row[0].set_ylim(0, 100)
    finish(row, path, "pixels between two digits", "read right, %")
