"""The speed of a training and of its input, and TensorBoard's logs."""

import collections
import os
import re
import time
import types

import keras
import numpy as np
import pytest

from keras_classics import datasets
from keras_classics.training.inputs import image_batches
from keras_classics.training.progress import Rate, TensorBoard, input_rate
from tests.training import tiny


def test_rate_counts_steps_but_the_first(monkeypatch):
    now = iter(np.cumsum([100.0, 2.0, 2.0, 50.0, 2.0, 2.0, 2.0]))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    rate = Rate(batch_size=10)
    rate.on_epoch_begin(0)
    for end in (4, 9, 14):  # executions of five steps
        rate.on_train_batch_end(end)
    rate.on_epoch_begin(1)  # after 50 seconds of validation
    for end in (4, 9, 14):
        rate.on_train_batch_end(end)
    assert rate.rate == pytest.approx(250 / 10)
    assert Rate(10).rate is None


@pytest.mark.parametrize(
    ("wait", "busy", "expected"),
    [
        (0.2, 1.0, "40 images a second. The network is the brake: it waits for its input 20% of"),
        (0.9, 0.8, "40 images a second. The input is the brake: the network waits for it 90% of"),
        (0.9, 0.8, "and could learn from 400 images a second. The processors are busy 40% of the"),
        (0.9, 0.8, r"fewer and larger files \(keras-classics pack data OUT\)\.$"),
        (0.5, 1.9, r"All processors are busy: smaller images help \(.*--short_side=480\), or more"),
    ],
)
def test_the_brake_is_named_while_it_brakes(wait, busy, expected, monkeypatch, capsys):
    """Of steps of a second, of which each begins `wait` seconds late; on two processors."""
    clock = {"now": 0.0, "busy": 0.0}
    monkeypatch.setattr(time, "perf_counter", lambda: clock["now"])
    monkeypatch.setattr(time, "process_time", lambda: clock["busy"])
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    batches = types.SimpleNamespace(arrivals=collections.deque())
    rate = Rate(40, batches, folder="data", verbose=True)
    said = []
    for step in range(50):
        clock["busy"] += busy
        # Some come early, to be taken later; and the first one comes after half a minute.
        batches.arrivals.append(clock["now"] + wait if step else 30.0)
        clock["now"] += 1.0 if step else 31.0
        rate.on_train_batch_end(step)
        if out := capsys.readouterr().out:
            said.append((step, out))
    rate.on_epoch_end(0)
    said.append((50, capsys.readouterr().out))
    rate.on_epoch_end(1)
    assert capsys.readouterr().out == ""
    assert [step for step, _ in said] == [31, 50]
    for _, out in said:
        assert re.search(expected, out.strip())
    assert rate.share == pytest.approx(wait)
    assert Rate(40, batches).verbose is False


def test_photographs_note_when_they_come(tmp_path):
    """On all backends: so that it can be said what a training waits for."""
    images = np.zeros((8, 4, 4, 3), "uint8")
    split = datasets.Arrays(images, [0, 1] * 4)
    batches = image_batches(split, [keras.layers.Rescaling(1 / 255)], 2, seed=0)
    begin = time.perf_counter()
    tiny.as_arrays(batches)
    assert len(batches.arrivals) == 4
    assert begin < min(batches.arrivals) <= max(batches.arrivals) < time.perf_counter()


def test_input_rate():
    def batches():
        for _ in range(6):
            time.sleep(0.02)
            yield np.zeros((8, 2)), np.zeros(8)

    assert 200 < input_rate(batches(), 10) < 420
    assert input_rate([(np.zeros((8, 2)), 0)], 10) is None


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow writes the logs")
def test_tensorboard_has_scalars_graph_and_kernels(tmp_path):
    import tensorflow as tf

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), layers.Conv2D(5, 3), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(8, 6, 6, 2))
    model.fit(x, np.zeros(8), epochs=2, verbose=0, callbacks=[TensorBoard(tmp_path)])
    tags, pictures = set(), {}
    for path in tmp_path.rglob("events*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                tags.add(value.tag)
                if "kernel" in value.tag and value.metadata.plugin_data.plugin_name == "images":
                    pictures[event.step] = tf.make_ndarray(value.tensor)
    assert {"epoch_loss", "keras"} <= tags
    assert set(pictures) == {0, 1}
    width, height, *encoded = pictures[1]
    assert (int(width), int(height), len(encoded)) == (3, 3, 10)  # five kernels of two channels
    picture = tf.io.decode_png(encoded[3])[..., 0].numpy()
    kernel = model.layers[0].get_weights()[0]
    scaled = (kernel - kernel.min()) / np.ptp(kernel)
    np.testing.assert_allclose(picture, 255 * scaled[:, :, 1, 1], atol=1)
