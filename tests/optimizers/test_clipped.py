"""Clipping by the norm of the whole batch's gradient, on one device and on several."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_classics.optimizers import ClippedAdamW, ClippedSGD

PAIRS = [(ClippedAdamW, keras.optimizers.AdamW), (ClippedSGD, keras.optimizers.SGD)]


@pytest.mark.parametrize(("clipped", "plain"), PAIRS)
def test_on_one_device_it_is_that_of_keras(clipped, plain):
    weights = []
    for kind in (clipped, plain):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.compile(kind(0.1, weight_decay=0.1, global_clipnorm=0.01), "mse")
        x = np.random.default_rng(0).normal(size=(8, 3))
        model.fit(x, 10 * x[:, :2], epochs=3, verbose=0)
        weights.append(model.get_weights()[0])
    np.testing.assert_allclose(*weights, rtol=1e-5)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(clipped(global_clipnorm=2.0)))
    assert type(again) is clipped
    assert again.global_clipnorm == 2.0


CODE = """
import numpy as np, keras, tensorflow as tf
from keras_classics.optimizers import ClippedSGD
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
x = np.array([[1.0, 0.0], [0.0, 3.0]] * 4, "float32")  # each replica's gradient points elsewhere
y = np.array([[0.1], [0.2]] * 4, "float32")
order = [0, 2, 4, 6, 1, 3, 5, 7]
for policy in ("float32", "mixed_float16"):
    keras.config.set_dtype_policy(policy)
    for kind in (ClippedSGD, keras.optimizers.SGD):
        found = []
        mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        for strategy in (tf.distribute.get_strategy(), mirrored):
            with strategy.scope():
                dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
                model = keras.Sequential([keras.Input((2,)), dense])
                model.compile(kind(1.0, global_clipnorm=0.05), "mse")
            model.fit(x[order], y[order], batch_size=8, verbose=0)
            found.append(model.get_weights()[0].ravel())
        print(policy, kind.__name__, *found[0], *found[1])
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_on_two_replicas():
    """As on one device, where Keras's own takes another step."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split() for line in done.stdout.splitlines() if "SGD" in line]
    assert len(rows) == 4
    for policy, kind, *numbers in rows:
        one, two = np.array(numbers, float).reshape(2, 2)
        assert np.linalg.norm(one) == pytest.approx(0.05, rel=2e-3)
        tolerance = 1e-5 if policy == "float32" else 2e-3
        assert np.allclose(one, two, rtol=tolerance) is (kind == "ClippedSGD")
