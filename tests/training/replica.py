"""One process of a cluster, for `test_strategies.py`: trains two networks, saves what came of it.

A Transformer is trained on replicas by its recipe, see `job.py`.
"""

import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_classics import applications, losses, training
from tests import small


def networks():
    yield (
        "lenet5",
        applications.LeNet5(),
        losses.MaximumAPosteriori(1.0),
        keras.optimizers.SGD(1e-3),
    )
    net = applications.ResNetCIFAR(8, classes=10)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    yield "resnet8", net, "sparse_categorical_crossentropy", keras.optimizers.SGD(1e-4, 0.9)


def data(shape):
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(20, *shape)).astype("float32"), rng.integers(10, size=20)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(8, drop_remainder=True)


def main(name, cpus, folder):
    """Trains under a strategy, with as many logical processors."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * int(cpus),
    )
    tf.config.threading.set_intra_op_parallelism_threads(1)
    small.patch(pytest.MonkeyPatch())
    strategy = training.strategy(name)
    keras.utils.set_random_seed(1)
    with strategy.scope():
        made = list(networks())
        for _, net, loss, optimizer in made:
            net.compile(optimizer, loss, metrics=["sparse_categorical_accuracy"])
    found = {}
    for network, net, _, _ in made:
        start = net.get_weights()
        seen = data(net.input_shape[1:])
        logged = net.fit(seen, epochs=2, validation_data=seen, verbose=0).history
        values = {
            **{f"weight {i}": weight for i, weight in enumerate(net.get_weights())},
            "moved": np.array(
                [np.abs(a - b).max() for a, b in zip(net.get_weights(), start, strict=True)]
            ),
            **{f"logged {key}": np.array(value) for key, value in logged.items()},
            "evaluated": np.array(net.evaluate(seen, verbose=0)),
            "predicted": net.predict(seen, verbose=0),
        }
        found |= {f"{network} {key}": value for key, value in values.items()}
    config = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))
    found["chief"] = np.array(training.strategies.replicas(strategy).worker == 0)
    np.savez(pathlib.Path(folder) / f"{config['task']['index']}.npz", **found)
