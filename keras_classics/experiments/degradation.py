"""The degradation of plain networks, and its cure: figures 1, 6 and 7 of ResNet's paper.

He, Zhang, Ren & Sun, CVPR 2016, section 4.2: plain networks of 56 layers have higher training
and test errors on CIFAR-10 than those of 20; residual networks have lower ones.

The networks and their training are the paper's (the recipe resnet_cifar), 45,000 images to train
on and 5,000 held out, as in its choice of the schedule. Not as in the paper: the 10 epochs, unless
more are asked for (its 64,000 steps are 182). The learning rate drops at the same half and three
quarters of the way.

The plain pair differs by tens of points, the residual pair by a few: so seeds beyond the first
train the residual pair alone.
"""

import dataclasses
import os
import pathlib

from keras_classics import analysis, datasets, tables, training
from keras_classics.experiments.arms import (
    HELD_OUT,
    LEFT,
    RIGHT,
    Arms,
    errors,
    finish,
    held_out,
    panels,
    percent,
    spread,
)

DEPTHS = (20, 56)
NETWORKS = {"plain": "plain{}_cifar", "ResNet": "resnet{}_cifar"}
PAPER = {"ResNet-20": 8.75, "ResNet-56": 6.97}  # Table 6, test error in %
TOP = 20  # the paper's axes end at this error
SEEDS, EPOCHS = 1, 10

__all__ = ["HELD_OUT", "draw", "run", "table"]


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains the four networks, each into a run folder; draws `figure.png` and two more.

    Args:
        data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds of the residual networks; the plain ones, and the pictures, have the
            first alone.
        epochs: Epochs of each run. Paper: 182 of 45,000 images.

    Returns:
        The table, in Markdown.
    """
    data = datasets.load("cifar10", data_dir)
    pairs = [(0, "plain"), *((seed, "ResNet") for seed in range(seeds))]
    arms = Arms("degradation", folder, data, len(pairs) * len(DEPTHS))
    held, runs = held_out(data), {}
    for seed, kind in pairs:
        for depth in DEPTHS:
            recipe = training.recipe(NETWORKS[kind].format(depth))
            steps = epochs * -(-(len(data.train) - held) // recipe.batch_size)
            changes: dict = {"drops_at": (steps // 2, 3 * steps // 4), "held_out": held}
            recipe = dataclasses.replace(recipe, epochs=epochs, **changes)
            name = f"{kind}-{depth}"
            runs[name, seed] = arms.train(name, recipe, seed)
    first = {name: finished for (name, seed), finished in runs.items() if seed == 0}
    draw(first, data, arms.folder)
    return table(runs)


def draw(runs: dict[str, training.Run], data: datasets.Images, folder: pathlib.Path) -> None:
    """Draws the paper's figures.

    Args:
        runs: The runs by their names.
        data: The data set, of whose test images figure 7 is drawn.
        folder: Folder of the pictures.
    """
    plain = {name: finished for name, finished in runs.items() if name.startswith("plain")}
    residual = {name: finished for name, finished in runs.items() if name not in plain}
    row = panels(["plain networks", "residual networks"])  # figure 6
    for axes, pair in zip(row, (plain, residual), strict=True):
        for (name, finished), colour in zip(pair.items(), (LEFT, RIGHT), strict=True):
            steps = _steps(finished)
            axes.plot(steps, errors(finished), "--", color=colour, linewidth=1)
            held = errors(finished, "val_accuracy")
            axes.plot(steps, held, color=colour, linewidth=2.2, label=name)
    _finish(row, folder / "figure.png", "error, % (dashed: training, solid: held out)")

    row = panels(["training error", "error of the images held out"])  # figure 1
    for axes, part in zip(row, ("accuracy", "val_accuracy"), strict=True):
        for (name, finished), colour in zip(plain.items(), (LEFT, RIGHT), strict=True):
            axes.plot(_steps(finished), errors(finished, part), color=colour, label=name)
    _finish(row, folder / "figure_1.png", "error, %")

    images = next(iter(plain.values())).preprocess(data.validation.images[:1000])
    models = {name: finished.model for name, finished in runs.items()}
    analysis.layer_responses(models, images).savefig(folder / "figure_7.png", dpi=100)


def _steps(finished):
    """Thousands of steps at the end of each epoch."""
    steps = -(-finished.manifest["data"]["train"] // finished.recipe.batch_size)
    return [steps * (n + 1) / 1000 for n in range(len(errors(finished)))]


def _finish(row, path, label):
    """The paper's vertical axis, from 0 to 20 %, or as far as the errors reach after an epoch."""
    lines = [line for axes in row for line in axes.lines]
    last = max(line.get_ydata()[-1] for line in lines)
    highest = max(max(line.get_ydata()[1:], default=last) for line in lines)
    for axes in row:
        axes.set(xlim=(0, None), ylim=(0, TOP if last < TOP else min(100, highest + 2)))
    finish(row, path, "steps, thousands", label)


def table(runs: dict[tuple[str, int], training.Run]) -> str:
    """Last training error and final errors of each network, over its seeds.

    Args:
        runs: The runs by their names and seeds.
    """
    rows: list[tuple] = [("errors in %", "seeds", "training", "held out", "test", "paper, test")]
    for name in dict.fromkeys(name for name, _ in runs):
        mine = [finished for (other, _), finished in runs.items() if other == name]
        cells = [spread(errors(finished)[-1] for finished in mine)]
        cells += [spread(percent(run, part) for run in mine) for part in ("held out", "test")]
        rows.append((name, len(mine), *cells, PAPER.get(name)))
    return tables.markdown(rows)
