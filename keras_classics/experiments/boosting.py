"""Boosted LeNet-4: three networks, of which each learns from what those before it find hard.

LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, section III.C, after Drucker, Schapire &
Simard, 1993. The first network is trained as usual. The second is trained on digits that the first
has filtered: half of them it reads right, half of them wrong. The third is trained on new digits on
which the first two disagree. The first makes few errors, so the digits for the others are distorted
ones. At test time the outputs of the three are added. Where the first is sure, the others need not
be asked: the paper counts 1.75 times the work of one network.

The paper does not say how many digits the second and the third learn from. Here they are all that
`COPIES` distorted copies of the training digits give, new ones for the third. These are all hard:
at LeNet-4's rates its training diverges, and so it has a quarter of them.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from keras_classics import datasets, tables, training
from keras_classics.analysis import rejection
from keras_classics.experiments.arms import Arms, finish, panels
from keras_classics.preprocessing import PlanarDistortion
from keras_classics.training import evaluation

SEEDS, EPOCHS, COPIES = 1, 20, 10
BATCH_SIZE = 5000  # digits that are distorted at once
GOAL = 0.005  # figure 10: the error of the digits that are not rejected


class Boosted(NamedTuple):
    """How many digits each of three networks was trained on, and what they say of the test's.

    That is the scores of each, and the labels: arrays `(n, classes)` and `(n,)`.
    """

    digits: list[int]
    members: list[tuple[np.ndarray, np.ndarray]]


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains the three networks on MNIST, tests them together, and draws `figure.png`.

    Args:
        data_dir: Folder of MNIST's files; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds, each of three networks.
        epochs: Epochs of each network.

    Returns:
        The table, in Markdown.
    """
    data = datasets.load("mnist", data_dir)
    arms = Arms("boosting", folder, data, 3 * seeds)
    recipe = dataclasses.replace(training.recipe("lenet4"), epochs=epochs)
    found = [boosted(arms, recipe, data, seed) for seed in range(seeds)]
    draw(found[0], arms.folder / "figure.png")
    return table(found)


def boosted(arms: Arms, recipe: Any, data: datasets.Images, seed: int) -> Boosted:
    """Trains the three networks of a seed, and tests them.

    Args:
        arms: The trainings of the experiment.
        recipe: The recipe of the first two; the third has a quarter of its learning rates.
        data: The digits.
        seed: Seed of the networks and of the distortions.
    """
    first = arms.train("first", recipe, seed)
    draws = np.random.default_rng(seed)
    digits = filtered(first, distorted(data.train, 2 * seed, COPIES), draws)
    second = arms.train("second", recipe, seed, data=of(data, digits))
    others = disagreed(first, second, distorted(data.train, 2 * seed + 1, COPIES))
    rates = tuple(rate / 4 for rate in recipe.learning_rates)
    slower = dataclasses.replace(recipe, learning_rates=rates)
    third = arms.train("third", slower, seed, data=of(data, others))
    runs = (first, second, third)
    members = [run.predictions(data)["test"] for run in runs]
    return Boosted([len(data.train), len(digits), len(others)], members)


def distorted(split: datasets.Digits, seed: int, copies: int) -> Iterator[datasets.Digits]:
    """Distorted copies of all digits, one copy after the other.

    Args:
        split: The digits.
        seed: Seed of the distortions.
        copies: How many.
    """
    layer = PlanarDistortion(background=0.0, share=1.0, seed=seed)
    for _ in range(copies):
        parts = [
            np.asarray(layer(split.images[at : at + BATCH_SIZE], training=True))
            for at in range(0, len(split), BATCH_SIZE)
        ]
        yield datasets.Digits(np.concatenate(parts), split.labels, split.box)


def filtered(
    first: training.Run, copies: Iterable[datasets.Digits], draws: np.random.Generator
) -> datasets.Digits:
    """All digits that a network reads wrong, and as many that it reads right.

    Args:
        first: The run of the network.
        copies: The digits.
        draws: Draws those that it reads right.
    """

    def half(digits):
        wrong = answers(first, digits) != digits.labels
        right = draws.permutation(np.flatnonzero(~wrong))[: wrong.sum()]
        return np.sort(np.append(np.flatnonzero(wrong), right))

    return chosen(copies, half)


def disagreed(
    first: training.Run, second: training.Run, copies: Iterable[datasets.Digits]
) -> datasets.Digits:
    """The digits on which two networks disagree.

    Args:
        first: The run of one.
        second: The run of the other.
        copies: The digits.
    """
    return chosen(
        copies, lambda digits: np.flatnonzero(answers(first, digits) != answers(second, digits))
    )


def chosen(
    copies: Iterable[datasets.Digits], positions: Callable[[datasets.Digits], np.ndarray]
) -> datasets.Digits:
    """Some digits of each copy."""
    images, labels = [], []
    for digits in copies:
        at = positions(digits)
        images.append(digits.images[at])
        labels.append(digits.labels[at])
    return datasets.Digits(np.concatenate(images), np.concatenate(labels), digits.box)


def answers(run: training.Run, digits: datasets.Digits) -> np.ndarray:
    """The class that the network of a run gives each digit."""
    recipe: Any = run.recipe
    pair = datasets.Images("digits", datasets.Digits.classes, digits, digits, held="test")
    placed = recipe.splits(pair)["train"].images
    return run.network.predict(placed, batch_size=500, verbose=0).argmax(axis=-1)


def of(data: datasets.Images, train: datasets.Digits) -> datasets.Images:
    """The data with other training digits."""
    return dataclasses.replace(data, train=train)


def table(found: list[Boosted]) -> str:
    """The errors of one network and of the three, what is rejected, and the work.

    Args:
        found: The three networks of each seed.
    """
    rows: list[tuple] = [
        ("", "training digits", "test error, %", "rejected for 0.5 %", "work"),
    ]
    for seed, (digits, members) in enumerate(found):
        for name, count, pair in zip(("first", "second", "third"), digits, members, strict=True):
            rows.append((f"{name}, seed {seed}", f"{count:,}", *_tested(pair), "1.00"))
        together = evaluation.average(members)
        work = f"{1 + 2 * asked(members[0], together):.2f}"
        rows.append((f"boosted, seed {seed}", "", *_tested(together), work))
    rows.append(("the paper: LeNet-4", "60,000", "1.1", "1.8 %", "1.00"))
    rows.append(("the paper: boosted", "", "0.7", "0.5 %", "1.75"))
    return tables.markdown(rows)


def asked(first: tuple[np.ndarray, np.ndarray], together: tuple[np.ndarray, np.ndarray]) -> float:
    """The smallest share of digits for which the others are asked, at the error of all three.

    The others are asked where the first's margin is below a threshold, which is chosen on these
    digits.

    Args:
        first: Scores and labels of the first network.
        together: Those of the three.
    """
    (alone, labels), (all_three, _) = first, together
    second, best = np.sort(alone, axis=1)[:, -2:].T
    order = np.argsort(best - second, kind="stable")  # the least sure first
    wrong = (each.argmax(axis=1)[order] != labels[order] for each in (alone, all_three))
    wrong_alone, wrong_together = (np.append(0, np.cumsum(each)) for each in wrong)
    left = wrong_alone[-1] - wrong_alone + wrong_together
    return int(np.argmax(left <= wrong_together[-1])) / len(labels)


def draw(found: Boosted, path: pathlib.Path) -> None:
    """Draws the error over the share that is rejected, of the first network and of all three.

    Args:
        found: The three networks.
        path: Path of the picture.
    """
    (axes,) = row = panels(["LeNet-4 and boosted LeNet-4, digits that are rejected"], 7.0)
    for name, pair in (
        ("LeNet-4", found.members[0]),
        ("boosted", evaluation.average(found.members)),
    ):
        taken = rejection(*pair).decisions[:-1]
        rejected = [100 * each.rejected / each.of for each in taken]
        axes.step(rejected, [100 * each.error for each in taken], where="post", label=name)
    axes.axhline(100 * GOAL, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 5)
    axes.set_ylim(0, None)
    finish(row, path, "rejected, %", "error of the rest of the test digits, %")


def _tested(pair):
    """The error, and what is rejected."""
    found = rejection(*pair).at(GOAL)
    return evaluation.count(*pair)["percent"], f"{100 * found.rejected / found.of:.2f} %"
