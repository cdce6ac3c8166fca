"""Figure 1 of AlexNet's paper: a four-layer network on CIFAR-10 with ReLU and with tanh.

Krizhevsky, Sutskever & Hinton, NIPS 2012, section 3.1: a four-layer convolutional network with
ReLU reaches a training error of 25 % six times faster than the same with tanh, each at the learning
rate that makes its training fastest, without regularization.

The paper is silent on the network, its start and the learning rates. Of the program's networks,
"80sec" (three convolutions and a dense layer) and "13pct" (two convolutions, two local layers)
have four hidden layers, and section 3.3 calls one of the latter kind a four-layer CNN. No published
file is of this figure. Here it is "80sec", which needs three eighths of the operations, with
batches of 128, momentum 0.9 and whole images less their mean, on all 50,000 training images. How
far the ratio depends on these, `benchmarks/relu_vs_tanh.py` measures.

The training error is the mean over the batches of an epoch, each seen before its step; between two
epochs the crossing is interpolated.
"""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import ClassVar

import keras
import numpy as np

from keras_classics import datasets, tables, training
from keras_classics.experiments.arms import Arms, errors, finish, panels
from keras_classics.training.recipes import cuda_convnet

PAPER = "about 6"
TARGET = 0.25
GUESSING = 0.9
SEEDS, EPOCHS = 3, 60
# Of each activation the learning rate that trains to the target, and others to compare it with.
RATES = {"relu": (0.001, 0.0005, 0.002, 0.004), "tanh": (0.005, 0.0025, 0.01, 0.02)}
PATIENCE, BEHIND = 5, 0.01  # epochs that each run has, and how far behind it may be after them
STARTS = {
    "file": None,
    "glorot": keras.initializers.GlorotUniform,
    "he": keras.initializers.HeNormal,
}


@dataclasses.dataclass(frozen=True)
class FourLayersRecipe(cuda_convnet.CudaConvNetRecipe):
    """The training of figure 1: a constant learning rate, no regularization, whole images."""

    factor: float = training.cite(1.0, "a constant learning rate")
    weight_decays: tuple[float, ...] = training.cite((0.0,) * 5, "section 3.1: no regularization")
    start: str = training.cite("file", "the paper is silent", "start of the weights")
    scale: float = training.cite(1.0, "the paper is silent", "factor of the pixels less their mean")

    choices: ClassVar = {**cuda_convnet.CudaConvNetRecipe.choices, "start": tuple(STARTS)}
    image_size = 32

    def build(self, **shape):
        network = super().build(**shape)
        start = STARTS[self.start]
        for layer in network.layers:
            if start and layer.trainable_weights:
                kernel, *_ = layer.trainable_weights
                kernel.assign(start()(kernel.shape))
        return network

    def layers(self, training):
        return [*super().layers(training), keras.layers.Rescaling(self.scale)]


RECIPE = FourLayersRecipe()


class Until(keras.callbacks.Callback):
    """Ends a training at the target, or once it is behind another one.

    Args:
        best: The errors of the other one after each epoch, from epoch 0; none if there is no other.
    """

    def __init__(self, best: Sequence[float] = ()):
        super().__init__()
        self.best = list(best)

    def on_epoch_end(self, epoch, logs=None):
        error, done = 1 - logs["accuracy"], epoch + 1
        best = self.best[done] if done < len(self.best) else TARGET - BEHIND
        behind = bool(self.best) and done >= PATIENCE and error > best + BEHIND
        if error <= TARGET or behind:
            self.model.stop_training = True


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
    recipe: FourLayersRecipe = RECIPE,
    rates: Mapping[str, Sequence[float]] = RATES,
) -> str:
    """Trains with either activation until the target, and draws `figure.png`.

    Args:
        data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds.
        epochs: Epochs after which a run is given up, at least 3.
        recipe: As of `compare`.
        rates: As of `compare`.

    Returns:
        The table, in Markdown.
    """
    reached = compare(data_dir, folder, seeds, epochs, recipe, rates)
    draw(reached, pathlib.Path(folder) / "figure.png")
    return table(reached, rates)


def compare(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
    recipe: FourLayersRecipe = RECIPE,
    rates: Mapping[str, Sequence[float]] = RATES,
) -> dict[str, tuple[float, list]]:
    """Trains with either activation until the target.

    Learning rates are compared with the first seed. The first rate trains to the target. Any
    other one trains to the target, or until it is behind the best so far by a point, at the same
    epoch from the fifth on. Further seeds train at the best rate.

    Args:
        data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds.
        epochs: Epochs after which a run is given up, at least 3.
        recipe: How both are trained, but for the activation and the learning rate.
        rates: Learning rates of `"relu"` and `"tanh"`, the first one near the best.

    Returns:
        Of each activation the best learning rate, and of each seed the errors from epoch 0 on.
    """
    data = datasets.load("cifar10", data_dir)
    total = sum(map(len, rates.values())) + len(rates) * (seeds - 1)
    arms = Arms("relu_vs_tanh", folder, data, total)
    recipe = dataclasses.replace(recipe, epochs=epochs)

    def train(activation: str, rate: float, seed: int, best: Sequence[float] = ()):
        """The errors from epoch 0 on."""
        arm = dataclasses.replace(recipe, activation=activation, learning_rate=rate)
        name = f"{activation}-{rate:g}"
        try:
            run = arms.train(name, arm, seed, callbacks=[Until(best)])
        except FloatingPointError as error:
            print(error, flush=True)
            return [GUESSING]
        return [GUESSING, *errors(run) / 100]

    reached: dict[str, tuple[float, list]] = {}
    for activation, (first, *others) in rates.items():
        best, curve = first, train(activation, first, 0)
        for rate in others:
            challenge = train(activation, rate, 0, best=curve)
            if (crossing(challenge) or np.inf) < (crossing(curve) or np.inf):
                best, curve = rate, challenge
        reached[activation] = (
            best,
            [curve, *(train(activation, best, seed) for seed in range(1, seeds))],
        )
    return reached


def crossing(curve: Sequence[float]) -> float | None:
    """Epochs until the error falls to the target, interpolated; `None` if it does not."""
    for epoch, (before, after) in enumerate(itertools.pairwise(curve)):
        if after <= TARGET:
            return epoch + (before - TARGET) / (before - after)
    return None


def ratio(reached: dict[str, tuple[float, list]]) -> float | None:
    """The epochs of tanh over those of ReLU, means of the seeds; `None` if one did not arrive.

    Args:
        reached: Of each activation the best learning rate, and of each seed the errors from epoch 0
            on.
    """
    means = {}
    for name, (_, curves) in reached.items():
        epochs = [each for each in map(crossing, curves) if each is not None]
        if len(epochs) < len(curves):
            return None
        means[name] = np.mean(epochs)
    return float(means["tanh"] / means["relu"])


def table(
    reached: dict[str, tuple[float, list]], rates: Mapping[str, Sequence[float]] = RATES
) -> str:
    """Best learning rate and epochs of either activation, and their ratio.

    Args:
        reached: Of each activation the best learning rate, and of each seed the errors from epoch 0
            on.
        rates: The learning rates that were compared.
    """
    rows: list[tuple] = [("activation", "best learning rate", "epochs to 25 % training error")]
    for activation, (rate, curves) in reached.items():
        epochs = (crossing(curve) for curve in curves)
        each = ", ".join("not reached" if e is None else f"{e:.1f}" for e in epochs)
        words = f"{rate:g} of {', '.join(f'{r:g}' for r in sorted(rates[activation]))}"
        rows.append((activation, words, each))
    found = ratio(reached)
    words = f"\n\ntanh / ReLU: {found:.1f} (paper: {PAPER})" if found else ""
    return tables.markdown(rows) + words


def draw(reached: dict[str, tuple[float, list]], path: pathlib.Path) -> None:
    """Draws the paper's figure: training error over epochs, ReLU solid and tanh dashed."""
    (axes,) = row = panels([f"To 25 %, tanh takes {PAPER} times as long in the paper"])
    for (activation, style), name in zip(
        [("relu", "-"), ("tanh", "--")], ("ReLU", "tanh"), strict=True
    ):
        rate, curves = reached[activation]
        for seed, curve in enumerate(curves):
            label = f"{name}, rate {rate:g}" if seed == 0 else None
            axes.plot(range(len(curve)), curve, style, color="black", linewidth=1.2, label=label)
    axes.axhline(TARGET, color="grey", linewidth=0.8, linestyle=":")
    axes.set(ylim=(0, 0.75), xlim=(0, None), yticks=(0, 0.25, 0.5, 0.75))
    finish(row, path, "epochs", "training error rate")
