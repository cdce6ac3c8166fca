"""The speed of a training and of its input, and TensorBoard's logs."""

import time

import keras
import numpy as np
import pytest

from keras_classics.training.progress import Rate, TensorBoard, input_rate


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
