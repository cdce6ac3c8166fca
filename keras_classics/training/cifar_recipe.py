"""How He et al. train on CIFAR-10: small images of one size, in memory, changed on the device."""

import dataclasses

import keras
import numpy as np

from keras_classics import applications, backend, datasets, preprocessing, surgery
from keras_classics.optimizers import CoupledSGD
from keras_classics.training.checkpoint import once
from keras_classics.training.inputs import batches
from keras_classics.training.recipe import Recipe, exact, field
from keras_classics.training.strategies import ONE, replicas, synchronize

NETWORKS = {
    "resnet-cifar": applications.ResNetCIFAR,
    "plain-cifar": applications.PlainNetCIFAR,
}
SIDE = 32


@dataclasses.dataclass(frozen=True)
class CIFARRecipe(Recipe):
    """How networks for CIFAR-10 are trained; see `Recipe`."""

    data_kind = datasets.Images
    data_names = "cifar10"

    network: str = field("name of the network")
    depth: int = field("layers with weights, 6n + 2")
    passes: int = field("passes over the training set")
    batch_size: int = field("images a step")
    learning_rate: float = field("learning rate after the warm-up")
    drops_at: tuple = field("steps after which the rate drops")
    factor: float = field("what a drop multiplies the learning rate by", default=0.1)
    warm_up: int = field("steps at a tenth of the rate; -1: 400 from 110 layers on", default=-1)
    momentum: float = field("share of the velocity that is kept", default=0.9)
    decay: float = field("weight decay, inside the velocity", default=1e-4)
    padding: int = field("zeros on each side of an image, of which 32x32 is cut", default=4)
    synchronized: bool = field("normalize over the batch of all replicas", default=False)
    held_out: int = field("training images held out for validation; 0: the test images", default=0)

    def __post_init__(self):
        if self.network not in NETWORKS:
            raise ValueError(
                f"`network` must be one of {', '.join(NETWORKS)}. Received: network={self.network}"
            )
        if min(self.passes, self.batch_size) < 1 or self.held_out < 0:
            raise ValueError(
                "`passes` and `batch_size` must be at least 1, `held_out` at least 0. Received: "
                f"{self.passes}, {self.batch_size}, {self.held_out}"
            )

    def rate(self):
        """The learning rate by steps."""
        warm_up = (400 if self.depth >= 110 else 0) if self.warm_up < 0 else self.warm_up
        rates = [self.learning_rate * self.factor**n for n in range(len(self.drops_at) + 1)]
        steps = list(self.drops_at)
        if warm_up:
            rates, steps = [0.1 * self.learning_rate, *rates], [warm_up, *steps]
        if not steps:
            return self.learning_rate
        return keras.optimizers.schedules.PiecewiseConstantDecay(steps, rates)

    def splits(self, data):
        """`{"train": (images, labels), "held out": ..., "test": ...}`."""
        for split in (data.train, data.validation):
            if not isinstance(split, datasets.Arrays) or split.images.shape[1:3] != (SIDE, SIDE):
                raise ValueError(
                    f"{self.network} trains on images of {SIDE}x{SIDE} in memory: "
                    f"--data={self.data_names}. Received: {data.name}"
                )
        images, labels = data.train.images, data.train.labels
        kept = len(images) - self.held_out
        if kept < self.batch_size:
            raise ValueError(
                f"Training needs a full batch. Received: batch_size={self.batch_size}, and "
                f"held_out={self.held_out} of {len(images)} images"
            )
        splits = {
            "train": (images[:kept], labels[:kept]),
            "held out": (images[kept:], labels[kept:]),
            "test": (data.validation.images, data.validation.labels),
        }
        return {name: pair for name, pair in splits.items() if len(pair[0])}

    def build(self, classes, builder=None):
        """The network, untrained, or another by its `builder`."""
        if builder:
            return builder(input_shape=(SIDE, SIDE, 3), classes=classes)
        return NETWORKS[self.network](self.depth, classes=classes)

    def prepare(self, data, seed, folder, strategy=ONE, builder=None):
        """The compiled model, and what its `fit` takes; the mean goes into the run's folder."""
        splits, place = self.splits(data), replicas(strategy)
        average = once(folder / "mean.npy", lambda: _average(splits["train"][0]), place)
        images, labels = splits["train"]
        steps = min(-(-len(images) // self.batch_size), 50) if place.count == 1 else 1
        with strategy.scope():
            mean = _subtract(average)
            crop = preprocessing.CropAndFlip(SIDE, seed, self.padding, dtype="float32")
            image = keras.Input((SIDE, SIDE, 3), dtype="uint8")
            network = self.build(len(data.classes), builder)
            synchronize(network, self.synchronized)
            model = keras.Sequential([image, mean, crop, network])
            model.compile(
                optimizer=CoupledSGD(self.rate(), self.momentum, self.decay),
                loss="sparse_categorical_crossentropy",
                metrics=["accuracy"],
                steps_per_execution=backend.steps_per_execution(steps),
            )
        tested = splits.get("held out", splits["test"])
        return model, {
            "x": batches(images, labels, self.batch_size, seed, place=place),
            "validation_data": batches(*tested, self.batch_size, place=place),
            "shuffle": False,  # the batches come shuffled
            "monitor": "val_accuracy",
            "callbacks": [],
        }

    def trained(self, model, images):
        """The network as it is tested, with the true averages of batch normalization."""
        if any(isinstance(e, keras.layers.BatchNormalization) for e in model.layers[-1].layers):
            surgery.recompute_statistics(model, images)
        return model.layers[-1]

    protocol = f"the whole image of {SIDE}x{SIDE}"

    def answers(self, model, data, folder):
        """Part, scores and labels of what is held out and of the test."""
        mean = np.load(folder / "mean.npy")
        for part, (images, labels) in self.splits(data).items():
            if part != "train":
                yield part, model.predict(images - mean, batch_size=500, verbose=0), labels

    def classes(self, data):
        """Names of the classes."""
        return list(data.classes)

    def scores(self, model, paths, folder):
        """The scores of the classes for each image file, rescaled and cut to the size."""
        mean = np.load(folder / "mean.npy")
        rescale, cut = exact(
            preprocessing.RescaleShortSide(SIDE),
            keras.layers.CenterCrop(SIDE, SIDE, data_format="channels_last"),
        )
        for path in paths:
            image = keras.ops.convert_to_numpy(cut(rescale(datasets.read_image(path))))
            yield model.predict((image - mean)[None], verbose=0)[0]

    def pictured(self, data, folder):
        """What pictures of the trained network show: test images as it sees them, and labels."""
        images, labels = self.splits(data)["test"]
        return images - np.load(folder / "mean.npy"), labels

    def about(self, data):
        """What a run states of its data."""
        sizes = {name: len(labels) for name, (_, labels) in self.splits(data).items()}
        return {"classes": self.classes(data), **sizes}


def _average(images):
    """The mean image."""
    mean = preprocessing.SubtractMean("pixel", dtype="float32")
    mean.adapt(images)
    return mean.average


def _subtract(average):
    mean = preprocessing.SubtractMean("pixel", dtype="float32")
    mean.build((None, *average.shape))
    mean.average.assign(average)
    return mean
