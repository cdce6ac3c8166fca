"""One part of a network, with and without, on CIFAR-10.

The network is cuda-convnet's "11pct", of which only the one part is changed (its released twin
"13pct" also has fewer feature maps in local3 and another weight decay). As in the program and its
file layer-params-conv-local-11pct.cfg: random crops of 24x24 and flips, less the center of the mean
image wherever they were cut; batches of 128; momentum 0.9; learning rate 0.001, of biases 0.002;
weight decay 0.004 in the local layers, 0.01 in fc10, and none in the convolutions and the biases;
ten views are averaged.

Not as in the program:
- far fewer epochs than its 520: there 350 without the images held out, 150 with them, and twice
  10 with the learning rate divided by 10; here it is divided for the last two epochs and again
  for the last;
- the images held out train in no epoch, and the mean is that of the others; there it is that of
  all 50,000;
- each epoch has an order of its own; there the images keep theirs, and every 79th batch, the
  last of 10,000 images, has 16.
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
from keras_classics.preprocessing import AverageOverViews, CropAndFlip, SubtractMean, ten_crop

HELD_OUT = 5000
CROP = 24
LEARNING_RATE = 0.001
BIAS_RATE = 2  # times the learning rate
WEIGHT_DECAY = {"local3": 0.004, "local4": 0.004, "fc10": 0.01}  # of the weights of each layer
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
        data = cifar.images(data_dir, HELD_OUT, less_mean=False)
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


class _LayerwiseSGD(keras.optimizers.SGD):
    """Momentum with a learning rate of biases, and a weight decay of each layer.

        v <- momentum * v - weight_decay * learning_rate * w - learning_rate * g
        w <- w + v

    as in the program's weights.cuh.
    """

    def build(self, variables):
        super().build(variables)
        self._paths = [variable.path.split("/") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        *layers, kind = self._paths[self._get_variable_index(variable)]
        gradient = keras.ops.cast(gradient, variable.dtype)
        if kind == "bias":
            learning_rate = BIAS_RATE * keras.ops.cast(learning_rate, variable.dtype)
        else:
            decay = sum(WEIGHT_DECAY.get(layer, 0.0) for layer in layers)
            gradient = keras.ops.add(gradient, keras.ops.multiply(decay, variable))
        super().update_step(gradient, variable, learning_rate)


def train(
    data: dict[str, tuple[np.ndarray, np.ndarray]],
    switches: dict[str, Any],
    seed: int,
    epochs: int,
) -> dict[str, float]:
    """Trains one network.

    Args:
        data: The parts of the data, as of `cifar.images` without `less_mean`.
        switches: Arguments of the network's builder.
        seed: Seed of the weights, of the order and of the crops.
        epochs: Epochs.

    Returns:
        The errors in percent of all parts but `"train"`, ten views averaged.
    """
    keras.utils.set_random_seed(seed)
    network = CudaConvNet("11pct", input_shape=(CROP, CROP, 3), **switches)
    border = (32 - CROP) // 2
    subtract = SubtractMean("pixel", dtype="float32")
    subtract.build((None, CROP, CROP, 3))
    center = slice(border, border + CROP)
    subtract.average.assign(cifar.mean_of(data["train"][0])[center, center])
    network = keras.Sequential([keras.Input((CROP, CROP, 3)), subtract, network])
    crop = CropAndFlip(CROP, dtype="float32")
    model = keras.Sequential([keras.Input((32, 32, 3)), crop, network])
    model.compile(
        _LayerwiseSGD(LEARNING_RATE, cifar.MOMENTUM, name="layerwise_sgd"),
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
