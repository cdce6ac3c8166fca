"""One part of a network, with and without, on CIFAR-10.

The network is cuda-convnet's "11pct", of which only the one part is changed (its released twin
"13pct" also has fewer feature maps in local3 and another weight decay). As in the program: random
crops of 24x24 and flips of images less their mean, batches of 128, momentum 0.9, learning rate
0.001, weight decay 0.004 but in the convolutions; the learning rate is divided by 10 for the last
two epochs and by 10 again for the last; ten views are averaged. Not as in the program: far fewer
epochs (its 510), and biases have the learning rate of the weights.
"""

import dataclasses
import itertools
import os
import pathlib
from typing import Any

import keras
import numpy as np

from keras_classics import backend, names, tables
from keras_classics.applications import CudaConvNet
from keras_classics.experiments import cifar
from keras_classics.optimizers import CoupledSGD
from keras_classics.preprocessing import AverageOverViews, CropAndFlip, ten_crop

HELD_OUT = 5000
CROP = 24
LEARNING_RATE = 0.001
WEIGHT_DECAY = 0.004
SEEDS, EPOCHS = 3, 10


@dataclasses.dataclass(frozen=True)
class Ablation:
    """One switch of `CudaConvNet("11pct")`, on and off.

    Args:
        name: Name of the experiment, in `keras_classics.names.EXPERIMENTS`.
        switch: Name of the builder's argument.
        paper: The paper's errors in percent, `{True: with, False: without}`, or `None`.
    """

    name: str
    switch: str
    paper: dict[bool, float] | None

    def run(
        self,
        data_dir: str | os.PathLike | None,
        folder: str | os.PathLike,
        seeds: int = SEEDS,
        epochs: int = EPOCHS,
    ) -> str:
        """Trains with and without, for each seed; writes `runs.csv` and `figure.png`.

        Args:
            data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
            folder: A folder, made if need be.
            seeds: Number of seeds, the same ones with and without.
            epochs: Epochs of each run.

        Returns:
            The table, in Markdown.
        """
        cifar.axes(1, 1)  # fails here, if at all, and not after the training
        folder, rows = pathlib.Path(folder), []
        data = cifar.images(data_dir, HELD_OUT)
        folder.mkdir(parents=True, exist_ok=True)
        runs = list(itertools.product(range(seeds), (True, False)))
        for number, (seed, on) in enumerate(runs, start=1):
            cifar.announce(number, len(runs), f"{self.switch}={on}, seed {seed}")
            errors = train(data, {self.switch: on}, seed, epochs)
            rows.append({self.switch: on, "seed": seed, **errors})
            tables.write_csv(folder / "runs.csv", rows)
            print(", ".join(f"{part}: {error:.2f} %" for part, error in errors.items()), flush=True)
        self.draw(rows, folder / "figure.png")
        return self.table(rows, len(data["test"][1]))

    def pairs(self, rows: list[dict], part: str) -> tuple[np.ndarray, np.ndarray]:
        """The errors of a part of the data, with and without, by seeds."""
        on, off = (
            np.array([row[part] for row in rows if row[self.switch] is which])
            for which in (True, False)
        )
        return on, off

    def table(self, rows: list[dict], tests: int) -> str:
        """Mean and standard deviation over the seeds, and the difference of the pairs.

        Args:
            rows: The runs.
            tests: Number of test images.
        """
        lines: list[tuple] = [("errors in %", "with", "without", "without - with", "paper")]
        sizes = {"held out": HELD_OUT, "test": tests}
        for part, size in sizes.items():
            on, off = self.pairs(rows, part)
            paper = f"{self.paper[True]} and {self.paper[False]}" if self.paper else ""
            cells = [f"{each.mean():.2f} ± {_deviation(each):.2f}" for each in (on, off)]
            difference = off - on
            error = _deviation(difference) / np.sqrt(len(difference))
            cells.append(f"{difference.mean():.2f} ± {error:.2f}")
            lines.append((f"{size:,} images, {part}", *cells, paper))
        note = (
            f"{len(on)} seeds: mean ± standard deviation; of the difference, standard error of "
            "the mean over the pairs of one seed."
        )
        return f"{tables.markdown(lines)}\n\n{note}"

    def draw(self, rows: list[dict], path: pathlib.Path) -> None:
        """Draws the errors of the held-out images with error bars, beside the paper's."""
        axes = cifar.axes(4, 4)
        positions = {"with": 0, "without": 1}
        for (label, x), errors in zip(positions.items(), self.pairs(rows, "held out"), strict=True):
            axes.bar(x, errors.mean(), 0.5, yerr=_deviation(errors), color="lightgrey", capsize=4)
            axes.plot([x] * len(errors), errors, "k.", label="a seed" if label == "with" else None)
        if self.paper:
            axes.plot([0, 1], [self.paper[True], self.paper[False]], "k_", ms=30, label="paper")
        axes.set_xticks(list(positions.values()), positions)
        axes.set(ylabel="error in %")
        title = names.EXPERIMENTS[self.name].replace(", on and off, ", "\n")
        axes.set_title(title, fontsize=9)
        axes.legend(loc="lower center", markerscale=0.5)
        axes.figure.savefig(path, dpi=100)


def train(
    data: dict[str, tuple[np.ndarray, np.ndarray]],
    switches: dict[str, Any],
    seed: int,
    epochs: int,
) -> dict[str, float]:
    """Trains one network.

    Args:
        data: The parts of the data, as of `cifar.images`.
        switches: Arguments of the network's builder.
        seed: Seed of the weights, of the order and of the crops.
        epochs: Epochs.

    Returns:
        The errors in percent of all parts but `"train"`, ten views averaged.
    """
    keras.utils.set_random_seed(seed)
    network = CudaConvNet("11pct", input_shape=(CROP, CROP, 3), **switches)
    model = keras.Sequential([keras.Input((32, 32, 3)), CropAndFlip(CROP), network])
    model.compile(
        CoupledSGD(LEARNING_RATE, cifar.MOMENTUM, WEIGHT_DECAY, ("bias", "conv1", "conv2")),
        "sparse_categorical_crossentropy",
        steps_per_execution=backend.steps_per_execution(50),
    )
    drops = keras.callbacks.LearningRateScheduler(
        lambda epoch: LEARNING_RATE * 0.1 ** max(0, epoch + 3 - epochs)
    )
    model.fit(*data["train"], cifar.BATCH_SIZE, epochs=epochs, verbose=2, callbacks=[drops])
    views = AverageOverViews(network, ten_crop, {"size": CROP})
    return {
        part: round(100 * float(np.mean(views.predict(x, 250, verbose=0).argmax(-1) != y)), 3)
        for part, (x, y) in data.items()
        if part != "train"
    }


def _deviation(values):
    return values.std(ddof=1) if len(values) > 1 else np.nan
