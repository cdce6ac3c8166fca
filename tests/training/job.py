"""Trainings in a process of their own, to be killed and resumed, or one of several workers.

`main` takes RECIPE,RECIPE,... FOLDER [STRATEGY [LOGICAL_CPUS]]; each recipe trains in the folder
of its name. In the environment, EAGER=1 keeps a checkpoint of every step, KILL=SECONDS ends the
process so long after its first step, OTHER=1 changes an image, CHANGES is JSON:
`{recipe: {field: value}}`.
"""

import dataclasses
import json
import math
import os
import pathlib
import signal
import threading

import keras
import numpy as np
import pytest

from keras_classics import backend, datasets, training
from keras_classics.training import checkpoint
from tests import small

CHANGES = {
    "lenet5": {"epochs": 4, "curvature_patterns": 20, "distortions": True, "batch_size": 8},
    "resnet8_cifar": {"epochs": 3, "batch_size": 8, "drops_at": (8,)},
    "alexnet": {"epochs": 3, "batch_size": 8, "short_side": 70, "image_size": 67, "patience": 1}
    | {"bias_start": 0.1},
    "vit_cifar": {"epochs": 3, "batch_size": 8, "warmup_steps": 3, "dropout": 0.1, "mixup": 0.2}
    | {"ema": 0.9},
}


def data(name):
    random = np.random.default_rng(0)
    if name == "lenet5":
        images = [random.uniform(size=(n, 28, 28, 1)).astype("float32") for n in (61, 21)]
        splits = [datasets.Digits(x, np.arange(len(x)) % 10, box=20) for x in images]
        return datasets.Images("noise", datasets.Digits.classes, *splits, held="test")
    images = [random.integers(256, size=(n, 32, 32, 3), dtype="uint8") for n in (45, 21)]
    images[0][0] += "OTHER" in os.environ
    splits = [datasets.Arrays(x, np.arange(len(x), dtype="int32") % 4) for x in images]
    return datasets.Images("noise", tuple("abcd"), *splits, held="test")


class Killer(keras.callbacks.Callback):
    """Kills the process some seconds after its first step."""

    def __init__(self, seconds):
        super().__init__()
        self.timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))

    def on_train_batch_end(self, batch, logs=None):
        if not self.timer.ident:
            self.timer.start()


def main(names, folder, strategy="default", cpus=1):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        devices = [tf.config.LogicalDeviceConfiguration()] * int(cpus)
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], devices
        )
        tf.config.threading.set_intra_op_parallelism_threads(1)
    strategy = training.strategy(strategy)
    if os.environ.get("EAGER"):
        checkpoint.SECONDS, checkpoint.SHARE, checkpoint.TOGETHER = 0, math.inf, 1
    if keras.backend.backend() != "torch":
        backend.steps_per_execution = lambda steps: min(steps, 2)
    small.patch(pytest.MonkeyPatch())
    changes = json.loads(os.environ.get("CHANGES", "{}"))
    for name in names.split(","):
        recipe = training.recipe(name)
        recipe = dataclasses.replace(recipe, **CHANGES[name] | changes.get(name, {}))
        run = training.train(
            recipe,
            data(name),
            pathlib.Path(folder) / name,
            verbose=0,
            strategy=strategy,
            resume=True,
            callbacks=[Killer(float(os.environ["KILL"]))] if "KILL" in os.environ else [],
            best=True,
        )
        if training.strategies.replicas(strategy).worker == 0:
            weights = {str(k): w for k, w in enumerate(run.model.get_weights())}
            np.savez(run.folder / "weights.npz", **weights)
