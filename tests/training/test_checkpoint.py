"""Trainings that are interrupted, killed and resumed, and end as if nothing had happened."""

import dataclasses
import errno
import functools
import json
import math
import os
import random
import resource
import signal

import keras
import numpy as np
import pytest

from keras_classics import backend, training
from keras_classics.training import checkpoint
from tests import small
from tests.training import processes
from tests.training.job import CHANGES, data

# Files are handled alike on all backends, of which JAX compiles each training anew.
quick = [] if keras.backend.backend() == "tensorflow" else [pytest.mark.slow]


def elsewhere_slow(test):
    return pytest.mark.slow(test) if quick else test


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    """A checkpoint at each step, where the default is one in a minute; Ctrl-C; small networks."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    small.patch(monkeypatch)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    if keras.backend.backend() != "torch":
        monkeypatch.setattr(backend, "steps_per_execution", lambda steps: min(steps, 2))
    yield
    signal.signal(signal.SIGINT, before)


class StopAt(keras.callbacks.Callback):
    """Does something after a number of executions."""

    def __init__(self, executions, action):
        super().__init__()
        self.left, self.action = [executions], action  # a number would be resumed

    def on_train_batch_end(self, batch, logs=None):
        self.left[0] -= 1
        if self.left == [0]:
            self.action(self.model)


def interrupt(model):
    os.kill(os.getpid(), signal.SIGINT)


class Break(Exception):
    pass


def fail(model):
    raise Break


def train(name, folder, **arguments):
    recipe = dataclasses.replace(training.recipe(name), **CHANGES[name])
    return training.train(recipe, data(name), folder, verbose=0, **arguments)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A function from the name of a recipe to its run without interruption, trained once."""
    folder = tmp_path_factory.mktemp("unbroken")

    @functools.cache
    def run(name):
        return train(name, folder / name, best=True)

    return run


def same(run, other):
    assert run.history == other.history
    for a, b in zip(run.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert run.manifest["errors"] == other.manifest["errors"]


@pytest.mark.parametrize(
    "name",
    [pytest.param("lenet5"), pytest.param("resnet8_cifar", marks=quick)]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("alexnet", "vit_cifar")],
)
def test_a_resumed_training_ends_as_an_unbroken_one(name, unbroken, tmp_path):
    """The large ones are interrupted once; how often, and how, makes no difference to them."""
    if name == "vit_cifar" and keras.backend.backend() != "tensorflow":
        pytest.skip("MixUp runs inside of tf.data")
    unbroken = unbroken(name)
    assert len(unbroken.history["loss"]) == CHANGES[name]["epochs"]
    folder = tmp_path / "run"
    with pytest.raises(Break):  # within the first epoch
        train(name, folder, callbacks=[StopAt(2, fail)], best=True)
    if name in ("lenet5", "resnet8_cifar"):
        with pytest.raises(KeyboardInterrupt, match=r"last good checkpoint is .*epoch \d, step"):
            train(name, folder, callbacks=[StopAt(3, interrupt)], resume=True, best=True)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(Break):
            train(name, folder, callbacks=[StopAt(4, fail)], resume=True, best=True)
    run = train(name, folder, resume=True, best=True)
    same(run, unbroken)
    best = [
        keras.saving.load_model(each.folder / "best.keras").get_weights()
        for each in (run, unbroken)
    ]
    for a, b in zip(*best, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not list(folder.glob("checkpoint*")) + list(folder.glob("part*"))
    same(train(name, folder, resume=True), unbroken)  # a finished one is given as it is


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet8_cifar", "vit_cifar"])  # true averages; averaged weights
def test_killed_while_it_finishes(name, unbroken, tmp_path, monkeypatch):
    if name == "vit_cifar" and keras.backend.backend() != "tensorflow":
        pytest.skip("MixUp runs inside of tf.data")
    with monkeypatch.context() as patch:
        patch.setattr(training.Run, "finish", lambda *arguments: fail(None))
        with pytest.raises(Break):
            train(name, tmp_path / "run")
    same(train(name, tmp_path / "run", resume=True), unbroken(name))


@pytest.mark.slow
def test_killed_processes_are_resumed(tmp_path):
    """Each is killed at random moments, once again after it was resumed."""
    moments = random.Random(0)

    def go(names, folder, **variables):
        arguments = (",".join(names), tmp_path / folder)
        ((code, error),) = processes.run("job", *arguments, folder=tmp_path, **variables)
        assert code in (0, -signal.SIGKILL), error
        return code

    # The others are interrupted within a process, above. MixUp runs inside of tf.data.
    of_photographs = "vit_cifar" if keras.backend.backend() == "tensorflow" else "resnet8_cifar"
    names = ["lenet5", of_photographs]
    assert go(names, "unbroken") == 0
    for name in names:
        killed = [go([name], "run", EAGER="1", KILL=str(moments.uniform(0, 0.3))) for _ in range(2)]
        assert any(killed)
    assert go(names, "run") == 0
    for name in names:
        folders = [tmp_path / each / name for each in ("run", "unbroken")]
        found, expected = (np.load(each / "weights.npz") for each in folders)
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key])
        histories = [(each / "history.csv").read_text() for each in folders]
        assert histories[0] == histories[1]


@elsewhere_slow
def test_callbacks_go_on(tmp_path):
    """Patience is counted over the interruption, and a training that stopped early stays so."""
    flat = {"epochs": 6, "curvature_patterns": 20, "learning_rates": (1e-12,)}
    recipe = dataclasses.replace(training.RECIPES["lenet5"], **flat)
    arguments = {"recipe": recipe, "data": data("lenet5"), "verbose": 0, "early_stopping": 3}
    unbroken = training.train(run_dir=tmp_path / "unbroken", **arguments)
    epochs = len(unbroken.history["loss"])
    assert 4 <= epochs < 6
    folder = tmp_path / "run"
    executions = 2 * math.ceil(61 / 16 / (1 if keras.backend.backend() == "torch" else 2)) + 1
    with pytest.raises(Break):
        training.train(run_dir=folder, callbacks=[StopAt(executions, fail)], **arguments)
    run = training.train(run_dir=folder, resume=True, **arguments)
    same(run, unbroken)


@elsewhere_slow
def test_the_last_complete_checkpoint_is_read(unbroken, tmp_path):
    with pytest.raises(Break):
        train("lenet5", tmp_path / "run", callbacks=[StopAt(6, fail)])
    states = {name: checkpoint.read(tmp_path / "run" / name)[0] for name in checkpoint.FILES}
    last = max(states, key=lambda name: (states[name]["epoch"], states[name]["step"]))
    path = tmp_path / "run" / last
    complete = path.read_bytes()
    for torn in (
        complete[: len(complete) // 2],
        b"",
        complete[:5000] + b"x" + complete[5001:],
    ):
        path.write_bytes(torn)
        with pytest.warns(UserWarning, match=f"{last} is left out: it is not complete"):
            state, _ = checkpoint.read(path)
        assert state is None
    with pytest.warns(UserWarning, match="is left out"):
        same(train("lenet5", tmp_path / "run", resume=True), unbroken("lenet5"))

    folder = tmp_path / "both"
    with pytest.raises(Break):
        train("lenet5", folder, callbacks=[StopAt(6, fail)])
    for name in checkpoint.FILES:
        (folder / name).write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="is left out"),
        pytest.raises(ValueError, match="has no complete checkpoint"),
    ):
        train("lenet5", folder, resume=True)


@elsewhere_slow
def test_a_full_disk(unbroken, tmp_path, monkeypatch):
    """A limit on the size of files, as a full disk would be, leaves the last checkpoint."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(model):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))

    folder = tmp_path / "run"
    try:
        with pytest.raises(OSError, match=r"run/checkpoint-\d.npz could not be written") as raised:
            train("lenet5", folder, callbacks=[StopAt(4, fill)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert raised.value.errno == errno.EFBIG
    assert not list(folder.glob("part*"))
    same(train("lenet5", folder, resume=True), unbroken("lenet5"))


def test_a_loss_that_is_not_finite(tmp_path):
    def spoil(model):
        model.trainable_weights[-1].assign(model.trainable_weights[-1] * np.nan)
        if keras.backend.backend() == "jax":
            model._jax_state_synced = True

    message = r"epoch 1, .*step.* of 8, at the learning rate 0.001, with a .*checkpoint"
    with pytest.raises(FloatingPointError, match=message):
        train("lenet5", tmp_path / "run", callbacks=[StopAt(2, spoil)])
    for name in checkpoint.FILES:  # what is kept is finite
        if (tmp_path / "run" / name).exists():
            _, values = checkpoint.read(tmp_path / "run" / name)
            assert all(np.isfinite(value).all() for value in values)


@elsewhere_slow
def test_another_run_is_not_resumed(tmp_path):
    recipe = dataclasses.replace(training.RECIPES["lenet5"], **CHANGES["lenet5"])
    with pytest.raises(Break):
        train("lenet5", tmp_path / "run", callbacks=[StopAt(1, fail)])
    with pytest.raises(FileExistsError, match=r"or resume the run that is in it \(--resume\)"):
        train("lenet5", tmp_path / "run")
    other = dataclasses.replace(recipe, epochs=5)
    message = r"Its recipe: \{'epochs': 4\}. Received: \{'epochs': 5\}"
    with pytest.raises(ValueError, match=message):
        training.train(other, data("lenet5"), tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="Its seed: 0. Received: 1"):
        training.train(recipe, data("lenet5"), tmp_path / "run", seed=1, resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photograph.jpg").touch()
    with pytest.raises(FileNotFoundError, match="is not a run folder"):
        train("lenet5", tmp_path / "mine", resume=True)
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(manifest))
    with pytest.warns(UserWarning, match="began with other versions"):
        train("lenet5", tmp_path / "run", resume=True)
