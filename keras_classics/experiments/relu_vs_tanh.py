"""Figure 1 of AlexNet's paper: a four-layer network on CIFAR-10 with ReLU and with tanh.

Krizhevsky, Sutskever & Hinton, NIPS 2012, section 3.1: the network with ReLU reaches a
training error of 25 % six times faster than the same with tanh, each at the learning rate
that makes its training fastest, without regularization.

The paper is silent on the network and on the learning rates. Here: cuda-convnet's "80sec", the
one with three convolutions and a dense layer, batches of 128, momentum 0.9, on all 50,000
training images as they are. The training error is the mean over the batches of an epoch,
each seen before its step; between two epochs the crossing is interpolated.
"""

import itertools
import os
import pathlib

import keras
import numpy as np

from keras_classics import backend, tables
from keras_classics.applications import CudaConvNet
from keras_classics.experiments import cifar

PAPER = "about 6"
TARGET = 0.25
SEEDS, EPOCHS = 1, 60
RATES = {"relu": (0.001, 0.002, 0.004), "tanh": (0.005, 0.01, 0.002)}


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains with either activation until the target, and writes curves, table and figure.

    Learning rates are compared with the first seed. The first rate trains to the target. Any
    other one trains to the target, or until it is behind the best so far, at the same epoch from
    the fifth on. Further seeds train at the best rate.

    Args:
        data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
        folder: A folder, made if need be, for `curves.csv` and `figure.png`.
        seeds: Number of seeds.
        epochs: Epochs after which a run is given up.

    Returns:
        The table, in Markdown.
    """
    cifar.axes(1, 1)  # fails here, if at all, and not after the training
    folder, rows = pathlib.Path(folder), []
    images, labels = cifar.images(data_dir)["train"]
    folder.mkdir(parents=True, exist_ok=True)
    number, total = itertools.count(1), sum(map(len, RATES.values())) + 2 * (seeds - 1)

    def train(activation, rate, seed, ahead_of=()):
        """The errors after each epoch, until the target or behind those to be ahead of."""
        cifar.announce(next(number), total, f"{activation}, learning rate {rate}, seed {seed}")
        keras.utils.set_random_seed(seed)
        model = CudaConvNet("80sec", activation=activation)
        model.compile(
            keras.optimizers.SGD(rate, cifar.MOMENTUM),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=backend.steps_per_execution(50),
        )
        errors = [0.9]  # of guessing
        for epoch in range(1, epochs + 1):
            history = model.fit(images, labels, cifar.BATCH_SIZE, epochs=1, verbose=0).history
            errors.append(1 - history["accuracy"][0])
            rows.append(
                {"activation": activation, "learning_rate": rate, "seed": seed}
                | {"epoch": epoch, "training_error": round(errors[-1], 5)}
            )
            tables.write_csv(folder / "curves.csv", rows)
            print(f"Epoch {epoch}/{epochs}: training error {100 * errors[-1]:.2f} %", flush=True)
            best = ahead_of[epoch] if epoch < len(ahead_of) else TARGET
            behind = epoch >= 5 and ahead_of and errors[-1] > best
            if errors[-1] <= TARGET or behind or not np.isfinite(history["loss"][0]):
                break
        return errors

    reached = {}
    for activation, (first, *others) in RATES.items():
        best, errors = first, train(activation, first, 0)
        for rate in others:
            challenge = train(activation, rate, 0, ahead_of=errors)
            if (crossing(challenge) or np.inf) < (crossing(errors) or np.inf):
                best, errors = rate, challenge
        more = [crossing(train(activation, best, seed)) for seed in range(1, seeds)]
        reached[activation] = (best, [crossing(errors), *more])
    draw(rows, reached, folder / "figure.png")
    return table(reached)


def crossing(errors: list[float]) -> float | None:
    """Epochs until the error falls to the target, interpolated; `None` if it does not."""
    for epoch, (before, after) in enumerate(itertools.pairwise(errors)):
        if after <= TARGET:
            return epoch + (before - TARGET) / (before - after)
    return None


def table(reached: dict[str, tuple[float, list[float | None]]]) -> str:
    """Best learning rate and epochs of either activation, and their ratio.

    Args:
        reached: Of each activation the best learning rate, and the epochs of each seed, `None` if
            the target was not reached.
    """
    rows: list[tuple] = [("activation", "best learning rate", "epochs to 25 % training error")]
    for activation, (rate, epochs) in reached.items():
        each = ", ".join("not reached" if e is None else f"{e:.1f}" for e in epochs)
        rows.append((activation, rate, each))
    written = tables.markdown(rows)
    relu, tanh = ([e for e in reached[name][1] if e is not None] for name in ("relu", "tanh"))
    if len(relu) + len(tanh) < sum(len(epochs) for _, epochs in reached.values()):
        return written
    return f"{written}\n\ntanh / ReLU: {np.mean(tanh) / np.mean(relu):.1f} (paper: {PAPER})"


def draw(
    rows: list[dict],
    reached: dict[str, tuple[float, list[float | None]]],
    path: pathlib.Path,
) -> None:
    """Draws the paper's figure: training error over epochs, ReLU solid and tanh dashed."""
    axes = cifar.axes(5, 4)
    for activation, style in [("relu", "-"), ("tanh", "--")]:
        rate, epochs = reached[activation]
        for seed in range(len(epochs)):
            curve = [
                (row["epoch"], row["training_error"])
                for row in rows
                if (row["activation"], row["learning_rate"], row["seed"])
                == (activation, rate, seed)
            ]
            label = f"{activation}, rate {rate}" if seed == 0 else None
            axes.plot(*zip((0, 0.9), *curve, strict=True), style, color="black", label=label)
    axes.axhline(TARGET, color="grey", linewidth=0.5)
    axes.set(xlabel="epochs", ylabel="training error", ylim=(0, 0.9), xlim=(0, None))
    axes.set_title(f"To 25 %: tanh takes {PAPER} times as long in the paper", fontsize=9)
    axes.legend()
    axes.figure.savefig(path, dpi=100)
