"""Checkpoints are written in a thread beside the training."""

import math
import threading
import time

import keras
import numpy as np
import pytest

from keras_classics import training
from keras_classics.training import checkpoint
from tests.training import tiny


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)


def train(folder, data, step=lambda number, model: None, *callbacks, best=False, **changes):
    """Trains, and calls a function after each step."""

    class Steps(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.number = [0]  # a number would be resumed

        def on_train_batch_end(self, batch, logs=None):
            self.number[0] += 1
            step(self.number[0], self.model)

    recipe = tiny.Tiny(**{"batch_size": 8, "epochs": 1, **changes})
    options = {"builder": tiny.network, "callbacks": [Steps(), *callbacks], "verbose": 0}
    options["best"] = best
    return training.train(recipe, data, folder, **options)


def test_the_training_goes_on_while_a_checkpoint_is_written(colours, tmp_path, monkeypatch):
    """It has the values of the step at which it began, though they have changed."""
    write, later, at_the_first, written = checkpoint.write, threading.Event(), [], []
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)  # none is due while one is written

    def step(number, model):
        if number == 1:
            at_the_first.extend(np.array(w) for w in model.get_weights())
        if number == 3:
            later.set()

    def wait(path, state, values):
        assert later.wait(20), "The training waits for the checkpoint."
        written.append(values)
        write(path, state, values)

    monkeypatch.setattr(checkpoint, "write", wait)
    if keras.backend.backend() == "jax":
        pytest.skip("`fit` holds the weights")
    train(tmp_path / "run", colours(8), step)
    for value, expected in zip(written[0], at_the_first, strict=False):
        np.testing.assert_array_equal(value, expected)
    assert 1 < len(written) < 5


def test_an_error_of_the_thread_ends_the_training(colours, tmp_path, monkeypatch):
    def full(path, state, values):
        checkpoint.SECONDS = 1e9  # no other one is due in this epoch
        raise OSError(28, f"{path} could not be written (no space)")

    monkeypatch.setattr(checkpoint, "write", full)
    steps = []
    with pytest.raises(OSError, match=r"run/checkpoint-1.npz could not be written"):
        train(
            tmp_path / "run", colours(8), lambda number, model: steps.append(number), batch_size=2
        )
    assert len(steps) < 22


def test_the_training_goes_on_while_the_best_network_is_written(colours, tmp_path, monkeypatch):
    """It has the values of the end of its epoch, though they have changed."""
    save, later, of_epochs, names = keras.Model.save, threading.Event(), [], []

    def keep(epoch, logs):
        of_epochs.append((logs["val_accuracy"], [np.array(w) for w in model[0].get_weights()]))

    def step(number, each):
        model[:] = [each]
        if number == 7:  # the first of the second epoch
            later.set()

    def wait(self, path):
        names.append(threading.current_thread().name)
        if names[-1].startswith("checkpoint"):
            assert later.wait(20), "The training waits for the network."
        save(self, path)

    model = []
    monkeypatch.setattr(keras.Model, "save", wait)
    monkeypatch.setattr(checkpoint, "SECONDS", 1e9)
    monkeypatch.setattr(checkpoint, "SHARE", 1e-9)
    callback = keras.callbacks.LambdaCallback(on_epoch_end=keep)
    if keras.backend.backend() == "jax":
        pytest.skip("`fit` holds the weights")
    train(tmp_path / "run", colours(8), step, callback, epochs=2, best=True)
    assert names[0].startswith("checkpoint")
    assert not names[-1].startswith("checkpoint")
    best = max(of_epochs, key=lambda each: each[0])[1]
    loaded = keras.saving.load_model(tmp_path / "run" / "best.keras")
    for value, expected in zip(loaded.get_weights(), best, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_an_error_of_the_best_network_ends_the_training(colours, tmp_path, monkeypatch):
    def full(self, path):
        raise OSError(28, "no space")

    monkeypatch.setattr(keras.Model, "save", full)
    monkeypatch.setattr(checkpoint, "SECONDS", 1e9)
    monkeypatch.setattr(checkpoint, "SHARE", 1e-9)
    ended = []
    with pytest.raises(OSError, match=r"run/best.keras could not be written"):
        train(
            tmp_path / "run",
            colours(8),
            lambda number, model: time.sleep(0.1) if number > 6 else ended.append(number),
            epochs=3,
            best=True,
        )
    assert len(ended) == 6
    assert not (tmp_path / "run" / "part-best.keras").exists()


def test_another_error_is_not_hidden(colours, tmp_path, monkeypatch):
    """What the thread has to say is a note to it."""
    begun = threading.Event()

    def full(path, state, values):
        begun.set()
        raise OSError(28, f"{path} could not be written (no space)")

    def fail(number, model):
        if number == 2:
            begun.wait(20)
            raise tiny.Break

    monkeypatch.setattr(checkpoint, "write", full)
    with pytest.raises(tiny.Break) as raised:
        train(tmp_path / "run", colours(8), fail)
    assert "checkpoint-1.npz could not be written" in raised.value.__notes__[0]
