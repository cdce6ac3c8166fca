"""What the experiments share: their trainings, each in a run folder, and the style of pictures."""

import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_classics import training
from keras_classics.analysis import page
from keras_classics.atomic import atomic

FILE = "experiment.json"  # of an experiment's folder: its name
HELD_OUT = 5000  # training images: He et al., section 4.2; cuda-convnet's batch 5
LEFT, RIGHT = "tab:blue", "tab:red"


class Arms:
    """The trainings of an experiment, its arms: each is a recipe and a seed, in a run folder.

    An arm that is finished is taken as it is; one that was interrupted goes on. So an experiment
    that is run again in its folder continues.

    Args:
        name: Name of the experiment.
        folder: Its folder, made if need be.
        data: The data set of all arms.
        total: How many arms there are.

    Raises:
        ImportError: If there is no matplotlib, before anything is trained.
        ValueError: If the folder has something else in it.
    """

    def __init__(self, name: str, folder: str | os.PathLike, data: Any, total: int):
        page.new_figure()
        self.folder, self.data = pathlib.Path(folder), data
        self.number, self.total = 0, total
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / FILE
        there = json.loads(path.read_text())["experiment"] if path.is_file() else None
        if there != name:
            if there or any(self.folder.iterdir()):
                what = f"is of the experiment {there}" if there else "has other things in it"
                raise ValueError(
                    f"The folder of an experiment is its own: choose another one for {name}. "
                    f"Received: {self.folder}, which {what}"
                )
            with atomic(path) as part:
                part.write_text(json.dumps({"experiment": name}) + "\n")

    def train(
        self, name: str, recipe: training.Recipe, seed: int = 0, data: Any = None, **more: Any
    ) -> training.Run:
        """Trains an arm, or takes it as it is.

        Args:
            name: Its name; the run folder is `NAME-SEED`.
            recipe: Its recipe.
            seed: Its seed.
            data: Data of its own. Default: those of all arms.
            **more: Further arguments of `training.train`.

        Returns:
            The finished run.
        """
        self.number += 1
        print(f"Run {self.number} of {self.total}: {name}, seed {seed}", flush=True)
        folder = self.folder / f"{name}-{seed}"
        data = self.data if data is None else data
        return training.train(recipe, data, folder, seed, 2, resume=True, **more)


def held_out(data: Any) -> int:
    """How many training images are held out; of a small data set a tenth."""
    return min(HELD_OUT, len(data.train) // 10)


def errors(run: training.Run, part: str = "accuracy") -> np.ndarray:
    """The errors in percent after each epoch; those of the training are means over the epoch."""
    return 100 - 100 * np.array(run.history[part])


def percent(run: training.Run, part: str) -> float:
    """The error in percent of a part of the data, at the end."""
    return run.manifest["errors"][part]["percent"]


def spread(values: Iterable[float]) -> str:
    """Mean and standard deviation in words; of one value itself."""
    array = np.array(list(values))
    deviation = f" ± {array.std(ddof=1):.2f}" if len(array) > 1 else ""
    return f"{array.mean():.2f}{deviation}"


def panels(titles: Iterable[str], width: float = 4.5) -> list:
    """Axes side by side, in one style, whose numbers are legible at 100 dots an inch.

    Args:
        titles: The title of each panel. They have one vertical scale.
        width: Width of each, in inches.
    """
    titles = list(titles)
    figure = page.new_figure(figsize=(1 + width * len(titles), 4.2), layout="constrained")
    (row,) = figure.subplots(1, len(titles), sharey=True, squeeze=False)
    for axes, title in zip(row, titles, strict=True):
        page.style(axes)
        axes.set_title(title, fontsize=11, color=page.INK, loc="left")
    return list(row)


def finish(row: list, path: pathlib.Path, x: str, y: str, legend: bool = True) -> None:
    """Names the axes, and writes the picture.

    Args:
        row: What `panels` gave.
        path: Path of the picture.
        x: What the horizontal axes show.
        y: What the vertical axes show.
        legend: Whether the panels have legends.
    """
    for axes in row:
        axes.set_xlabel(x, fontsize=11, color=page.INK)
        if legend:
            axes.legend(frameon=False, fontsize=10)
    row[0].set_ylabel(y, fontsize=11, color=page.INK)
    row[0].figure.savefig(path, dpi=100)
