"""Recipes of one's own with a network that trains in no time."""

import dataclasses

import keras
import numpy as np

from keras_classics import preprocessing, training
from keras_classics.training import engine


@dataclasses.dataclass(frozen=True)
class Tiny(training.Recipe):
    """Photographs, one by one."""

    network: str = training.cite("mine")
    epochs: int = training.cite(2)
    batch_size: int = training.cite(4)
    learning_rate: float = training.cite(0.1)
    sides: tuple[int, ...] = training.cite((8, 8), "small", help="sides of an image, pixels")

    rule_in_words = "gradient descent"
    image_size = 8

    def layers(self, training):
        resize = keras.layers.Resizing(*self.sides, data_format="channels_last")
        # Of floats: what is resized of integers is rounded, or not, by the backend.
        return [keras.layers.Rescaling(1.0), resize, preprocessing.SubtractMean("channel")]

    def update_rule(self, steps, model):
        return keras.optimizers.SGD(self.learning_rate)


@dataclasses.dataclass(frozen=True)
class InMemory(Tiny):
    """Photographs in memory, whose layers take batches."""

    in_memory = True

    def layers(self, training):
        return [keras.layers.Rescaling(1 / 255), preprocessing.SubtractMean("channel")]


def network(input_shape, classes, activation="softmax"):
    """A network of one layer."""
    layers = keras.layers
    image = keras.Input(input_shape)
    x = layers.GlobalAveragePooling2D()(layers.Rescaling(0.01)(image))
    return keras.Model(image, layers.Dense(classes, activation=activation)(x), name="tiny")


def of_two_outputs(input_shape, classes):
    """The same with a second output."""
    one = network(input_shape, classes)
    return keras.Model(one.input, {"predictions": one.output, "helper": one.output * 1.0})


def fit(job, epochs, *callbacks):
    """The history of a prepared job, without what `train` does around it.

    Step by step: on TensorFlow, most of the time of a short training goes into its graph.
    """
    model = job.model
    if keras.backend.backend() == "tensorflow":
        model.jit_compile, model.run_eagerly, model.steps_per_execution = False, True, 1
    callbacks = [*job.callbacks, *callbacks]
    shuffled = {"shuffle": False}  # already
    return model.fit(job.batches, epochs=epochs, verbose=0, callbacks=callbacks, **shuffled).history


class Break(Exception):
    """What a test interrupts a training with."""


class BreakAt(keras.callbacks.Callback):
    """Interrupts a training at the end of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.at = [epoch]  # a number would be resumed

    def on_epoch_begin(self, epoch, logs=None):
        if [epoch] == self.at:
            raise Break


def rows(recipe):
    """The table of a recipe: `{field: (value, source, meaning)}`, and the lines above it."""
    lines = str(recipe).splitlines()
    empty = lines.index("")
    head = lines[empty + 1]
    starts = [head.index(word) for word in ("field", "value", "source", "meaning")]
    found, name = {}, None
    for line in lines[empty + 2 :]:
        cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        if cells[0]:
            name = cells[0]
            found[name] = [[], [], []]
        for parts, cell in zip(found[name], cells[1:], strict=True):
            parts += [cell] if cell else []
    return {k: tuple(" ".join(v) for v in parts) for k, parts in found.items()}, lines[:empty]


def as_arrays(batches):
    """The images and the targets of all batches, as one array each."""
    if hasattr(batches, "on_epoch_begin"):
        batches.on_epoch_begin()  # as `fit` does
    pairs = [[keras.ops.convert_to_numpy(part) for part in batch[:2]] for batch in batches]
    return [np.concatenate(part) for part in zip(*pairs, strict=True)]


def own_words():
    """The names of the fields that a recipe of one's own adds."""
    known = {each.name for each in dataclasses.fields(training.Recipe)} | set(engine.WORDS)
    return {each.name for each in dataclasses.fields(Tiny)} - known
