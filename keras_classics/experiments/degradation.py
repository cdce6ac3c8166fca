"""The degradation of plain networks, and its cure: figures 1, 6 and 7 of ResNet's paper.

He, Zhang, Ren & Sun, CVPR 2016, section 4.2: plain networks of 56 layers have higher training
and test errors on CIFAR-10 than those of 20; residual networks have lower ones.

The networks and their training are the paper's (the recipe resnet_cifar), 45,000 images to train on
and 5,000 held out, as in its choice of the schedule. Not as in the paper: far fewer epochs by
default (its 64,000 steps are 182), with the learning rate's drops at the same half and three
quarters of the way.
"""

import dataclasses
import itertools
import os
import pathlib

import numpy as np

from keras_classics import analysis, datasets, tables, training
from keras_classics.experiments import cifar

HELD_OUT = 5000
DEPTHS = (20, 56)
NETWORKS = {"plain": "plain{}_cifar", "ResNet": "resnet{}_cifar"}
PAPER = {"ResNet-20": 8.75, "ResNet-56": 6.97}  # Table 6, test error in %
COLOURS = ("tab:olive", "tab:red")  # the paper's
SEEDS, EPOCHS = 1, 10


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains the four networks, each into a run folder; writes `figure.png` and two more.

    Args:
        data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
        folder: A folder, made if need be, for the runs and the pictures.
        seeds: Number of seeds; the pictures show the first.
        epochs: Epochs of each run.

    Returns:
        The table, in Markdown.
    """
    cifar.axes(1, 1)  # fails here, if at all, and not after the training
    folder, runs = pathlib.Path(folder), {}
    data = datasets.load("cifar10", data_dir)
    held_out = min(HELD_OUT, len(data.train) // 10)
    arms = list(itertools.product(range(seeds), NETWORKS, DEPTHS))
    for number, (seed, kind, depth) in enumerate(arms, start=1):
        recipe = training.recipe(NETWORKS[kind].format(depth))
        steps = epochs * -(-(len(data.train) - held_out) // recipe.batch_size)
        changes: dict = {"drops_at": (steps // 2, 3 * steps // 4), "held_out": held_out}
        recipe = dataclasses.replace(recipe, epochs=epochs, **changes)
        name = f"{kind}-{depth}"
        cifar.announce(number, len(arms), f"{name}, seed {seed}")
        runs[name, seed] = training.train(recipe, data, folder / f"{name}-{seed}", seed, verbose=2)
    first = {name: finished for (name, seed), finished in runs.items() if seed == 0}
    images = data.validation.images[:1000]
    draw(first, images, folder)
    return table(runs)


def draw(runs: dict[str, training.Run], images: np.ndarray, folder: pathlib.Path) -> None:
    """Draws the paper's figures.

    Args:
        runs: The runs by their names.
        images: Test images, uint8 `(n, 32, 32, 3)`, for figure 7.
        folder: Folder of the pictures.
    """
    errors = {name: _errors(finished) for name, finished in runs.items()}
    plain = [name for name in runs if name.startswith("plain")]
    residual = [name for name in runs if name not in plain]

    left, right = cifar.axes(9, 3.6, columns=2)
    for axes, names in [(left, plain), (right, residual)]:  # figure 6
        for name, colour in zip(names, COLOURS, strict=True):
            steps, on_training, on_held_out = errors[name]
            axes.plot(steps, on_training, "--", color=colour, linewidth=0.8)
            axes.plot(steps, on_held_out, color=colour, linewidth=2, label=name)
    _finish(left, right, "error in % (dashed: training, solid: held out)", folder / "figure.png")

    left, right = cifar.axes(9, 3.6, columns=2)
    for axes, which in [(left, 1), (right, 2)]:  # figure 1
        for name, colour in zip(plain, COLOURS, strict=True):
            axes.plot(errors[name][0], errors[name][which], color=colour, label=name)
    left.set_title("training error in %", fontsize=9)
    right.set_title("held-out error in %", fontsize=9)
    _finish(left, right, "error in %", folder / "figure_1.png")

    images = runs[plain[0]].preprocess(images)
    models = {name: finished.model for name, finished in runs.items()}
    analysis.layer_responses(models, images).savefig(folder / "figure_7.png", dpi=100)


def _errors(finished):
    """Steps, and the errors in % on the training images and on those held out."""
    history = finished.history
    steps = -(-finished.manifest["data"]["train"] // finished.recipe.batch_size)
    epochs = range(1, len(history["accuracy"]) + 1)
    errors = ([100 - 100 * a for a in history[name]] for name in ("accuracy", "val_accuracy"))
    return [steps * n for n in epochs], *errors


def _finish(left, right, label, path):
    top = max(max(line.get_ydata()) for axes in (left, right) for line in axes.lines)
    for axes in (left, right):
        axes.set(xlabel="steps", ylim=(0, min(top, 90) + 2), xlim=(0, None))
        axes.grid(axis="y", linewidth=0.3)
        axes.legend()
    left.set_ylabel(label)
    left.figure.savefig(path, dpi=100)


def table(runs: dict[tuple[str, int], training.Run]) -> str:
    """Last training error and final errors of each network, means over the seeds.

    Args:
        runs: The runs by their names and seeds.
    """
    rows: list[tuple] = [("errors in %", "training", "held out", "test", "paper, test")]
    for name in dict.fromkeys(name for name, _ in runs):
        mine = [finished for (other, _), finished in runs.items() if other == name]
        cells = [[100 - 100 * finished.history["accuracy"][-1] for finished in mine]]
        for part in ("held out", "test"):
            cells.append([finished.manifest["errors"][part]["percent"] for finished in mine])
        means = (f"{sum(cell) / len(cell):.2f}" for cell in cells)
        rows.append((name, *means, PAPER.get(name)))
    return tables.markdown(rows)
