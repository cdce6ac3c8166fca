"""Local response normalization and overlapping pooling, with and without, on CIFAR-10.

Krizhevsky, Sutskever & Hinton, NIPS 2012. Section 3.3: a four-layer network has a test
error of 13 % without normalization and of 11 % with it. Section 3.4: on ImageNet,
overlapping pooling lowers the top-1 error by 0.4 points; no figure for CIFAR-10.

The network is cuda-convnet's "11pct", of which only the one thing is changed (its
released twin "13pct" also has fewer maps in local3 and another decay). As in the
program: random crops of 24x24 and flips of images less their mean, batches of 128,
momentum 0.9, rate 0.001, decay 0.004 but in the convolutions; the rate is divided by 10
for the last two epochs and by 10 again for the last; ten views are averaged. Not as in the
program: far fewer epochs (its 510), biases at the rate of the weights.
"""

import dataclasses

import keras
import numpy as np

from keras_classics import backend
from keras_classics.applications import CudaConvNet
from keras_classics.experiments import cifar
from keras_classics.optimizers import CoupledSGD
from keras_classics.preprocessing import AverageOverViews, CropAndFlip, ten_crop

HELD_OUT = 5000
CROP = 24
RATE = 0.001
SEEDS, EPOCHS = 3, 10


@dataclasses.dataclass(frozen=True)
class Ablation:
    """One switch of `CudaConvNet("11pct")`, on and off.

    Args:
        ABOUT: What is compared, with the section.
        switch: Name of the builder's argument.
        paper: What the paper found, in percent: `{True: error, False: error}`, or `None`.
    """

    ABOUT: str
    switch: str
    paper: dict | None

    def run(self, data_dir, folder, seeds=SEEDS, epochs=EPOCHS):
        """Trains with and without, for each seed; writes `runs.csv` and `figure.png`.

        Args:
            data_dir: Folder of CIFAR-10's files; `None` for Keras's cache.
            folder: A folder, made if need be.
            seeds: Number of seeds; both arms have the same ones.
            epochs: Epochs of each run.

        Returns:
            The table, a string.
        """
        cifar.axes(1, 1)  # fails here, if at all, and not after the training
        data = cifar.images(data_dir, HELD_OUT)
        rows = []
        for seed in range(seeds):
            for on in (True, False):
                errors = train(data, {self.switch: on}, seed, epochs)
                rows.append({self.switch: on, "seed": seed, **errors})
                cifar.write(rows, folder / "runs.csv")
                print(*rows[-1].items(), flush=True)
        self.draw(rows, folder / "figure.png")
        return self.table(rows, len(data["test"][1]))

    def arms(self, rows, split):
        """Errors of the runs with the switch on, and of those with it off."""
        return (np.array([r[split] for r in rows if r[self.switch] is on]) for on in (True, False))

    def table(self, rows, tests):
        """Mean and standard deviation over the seeds, and the difference of the pairs."""
        lines = [
            "| errors in % | with | without | without - with | paper |",
            "|---|---|---|---|---|",
        ]
        sizes = {"held out": HELD_OUT, "test": tests}
        for split, size in sizes.items():
            on, off = self.arms(rows, split)
            paper = f"{self.paper[True]} and {self.paper[False]}" if self.paper else ""
            cells = [f"{arm.mean():.2f} ± {_deviation(arm):.2f}" for arm in (on, off)]
            difference = off - on
            error = _deviation(difference) / np.sqrt(len(difference))
            cells.append(f"{difference.mean():.2f} ± {error:.2f}")
            lines.append(f"| {size:,} images, {split} | {' | '.join(cells)} | {paper} |")
        lines += [
            "",
            f"{len(on)} seeds: mean ± standard deviation; of the difference, standard error of "
            "the mean over the pairs of one seed.",
        ]
        return "\n".join(lines)

    def draw(self, rows, path):
        """Errors of the held-out images with error bars, beside the paper's."""
        axes = cifar.axes(4, 4)
        on, off = self.arms(rows, "held out")
        places = {"with": 0, "without": 1}
        for (label, x), arm in zip(places.items(), (on, off), strict=True):
            axes.bar(x, arm.mean(), 0.5, yerr=_deviation(arm), color="lightgrey", capsize=4)
            axes.plot([x] * len(arm), arm, "k.", label="a seed" if label == "with" else None)
        if self.paper:
            axes.plot([0, 1], [self.paper[True], self.paper[False]], "k_", ms=30, label="paper")
        axes.set_xticks(list(places.values()), places)
        axes.set(ylabel="error in %")
        axes.set_title(self.ABOUT.replace(", on and off, ", "\n"), fontsize=9)
        axes.legend(loc="lower center", markerscale=0.5)
        axes.figure.savefig(path, dpi=100)


def train(data, switches, seed, epochs):
    """Errors in percent of the held-out and of the test images, ten views averaged."""
    keras.utils.set_random_seed(seed)
    network = CudaConvNet("11pct", input_shape=(CROP, CROP, 3), **switches)
    model = keras.Sequential([keras.Input((32, 32, 3)), CropAndFlip(CROP), network])
    model.compile(
        CoupledSGD(RATE, cifar.MOMENTUM, weight_decay=0.004, exempt=("bias", "conv1", "conv2")),
        "sparse_categorical_crossentropy",
        steps_per_execution=backend.steps_per_execution(50),
    )
    drops = keras.callbacks.LearningRateScheduler(
        lambda epoch: RATE * 0.1 ** max(0, epoch + 3 - epochs)
    )
    model.fit(*data["train"], cifar.BATCH_SIZE, epochs=epochs, verbose=0, callbacks=[drops])
    views = AverageOverViews(network, ten_crop, {"size": CROP})
    return {
        split: round(100 * float(np.mean(views.predict(x, 250, verbose=0).argmax(-1) != y)), 3)
        for split, (x, y) in data.items()
        if split != "train"
    }


def _deviation(values):
    return values.std(ddof=1) if len(values) > 1 else np.nan


LRN = Ablation(
    "local response normalization, on and off, on CIFAR-10 (AlexNet, section 3.3)",
    "lrn",
    {True: 11, False: 13},
)
OVERLAP = Ablation(
    "overlapping pooling, on and off, on CIFAR-10 (AlexNet, section 3.4)",
    "overlapping_pooling",
    None,
)
