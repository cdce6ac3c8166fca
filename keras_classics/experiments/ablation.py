"""One part of a network, with and without, on CIFAR-10.

The network is cuda-convnet's "11pct", of which only the one part is changed (its released twin
"13pct" also has fewer feature maps in local3 and another weight decay). It is trained by the recipe
`cuda_convnet`, with 5,000 images held out, but for far fewer epochs than the program's 520: the
learning rate is divided by 10 for the last two of them, and again for the last.
"""

import dataclasses
import itertools
import os
import pathlib

import numpy as np

from keras_classics import datasets, names, tables, training
from keras_classics.experiments.arms import Arms, finish, held_out, panels, percent, spread

SEEDS, EPOCHS = 3, 10
ARMS = {"with": True, "without": False}


@dataclasses.dataclass(frozen=True)
class Ablation:
    """One switch of `CudaConvNet("11pct")`, on and off.

    Args:
        name: Name of the experiment, in `keras_classics.names.EXPERIMENTS`.
        switch: Field of the recipe.
        paper: The paper's errors in percent, with and without, or none.
    """

    name: str
    switch: str
    paper: tuple[float, ...] = ()

    def run(
        self,
        data_dir: str | os.PathLike | None,
        folder: str | os.PathLike,
        seeds: int = SEEDS,
        epochs: int = EPOCHS,
    ) -> str:
        """Trains with and without, for each seed, and draws `figure.png`.

        Args:
            data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
            folder: A folder for the runs, made if need be. An experiment that is in it goes on.
            seeds: Number of seeds, the same ones with and without.
            epochs: Epochs of each run, at least 3.

        Returns:
            The table, in Markdown.
        """
        data = datasets.load("cifar10", data_dir)
        arms = Arms(self.name, folder, data, seeds * len(ARMS))
        lengths: dict = {"epochs": epochs, "last_epochs": (1, 1), "held_out": held_out(data)}
        recipe = dataclasses.replace(training.recipe("cuda_convnet_11pct"), **lengths)
        runs: dict[str, list[training.Run]] = {name: [] for name in ARMS}
        for seed, (name, on) in itertools.product(range(seeds), ARMS.items()):
            change: dict = {self.switch: on}
            arm = dataclasses.replace(recipe, **change)
            runs[name].append(arms.train(name, arm, seed))
        self.draw(runs, arms.folder / "figure.png")
        return self.table(runs)

    def table(self, runs: dict[str, list[training.Run]]) -> str:
        """Mean and standard deviation over the seeds, and the difference of the pairs.

        Args:
            runs: The runs with and without, by seeds.
        """
        lines: list[tuple] = [("errors in %", "with", "without", "without - with", "paper")]
        paper = " and ".join(map(str, self.paper))
        for part in ("held out", "test"):
            on, off = ([percent(run, part) for run in runs[name]] for name in ARMS)
            difference = np.subtract(off, on)
            error = difference.std(ddof=1) / np.sqrt(len(on)) if len(on) > 1 else np.nan
            size = runs["with"][0].manifest["errors"][part]["of"]
            cells = (spread(on), spread(off), f"{difference.mean():.2f} ± {error:.2f}")
            lines.append((f"{size:,} images, {part}", *cells, paper))
        note = (
            f"{len(on)} seeds: mean ± standard deviation; of the difference, standard error of "
            "the mean over the pairs of one seed."
        )
        return f"{tables.markdown(lines)}\n\n{note}"

    def draw(self, runs: dict[str, list[training.Run]], path: pathlib.Path) -> None:
        """Draws the errors of the images held out: a line for each seed, and the means."""
        title = names.EXPERIMENTS[self.name].partition(", on and off")[0]
        if self.paper:
            epochs = runs["with"][0].recipe.epochs
            on, off = self.paper
            title += f"\nthe paper: {on} % and {off} %; the program: 520 epochs, here {epochs}"
        (axes,) = row = panels([title])
        errors = np.array([[percent(run, "held out") for run in runs[name]] for name in ARMS])
        for seed, pair in enumerate(errors.T):
            label = "a seed" if seed == 0 else None
            axes.plot([0, 1], pair, "o-", color="grey", linewidth=0.8, label=label)
        axes.plot([0, 1], errors.mean(axis=1), "k_", markersize=40, label="mean")
        axes.set_xticks([0, 1], ARMS)
        axes.set_xlim(-0.5, 1.5)
        margin = 0.15 * np.ptp(errors) + 0.1
        axes.set_ylim(errors.min() - margin, errors.max() + margin)  # not from 0: it would vanish
        axes.legend(frameon=False, fontsize=10, markerscale=0.4, loc="upper left")
        finish(row, path, "", "error of the images held out, %", legend=False)
