"""The experiments on a few images of noise: what they train, write and print."""

import dataclasses
import functools
import math
import os
import re
import signal
import sys
import types

import keras
import numpy as np
import pytest

import keras_classics as kc
from keras_classics import backend, datasets, experiments, names, training
from keras_classics.experiments import (
    ablation,
    arms,
    boosting,
    degradation,
    regularization,
    relu_vs_tanh,
    robustness,
    since_1989,
    strings,
)
from keras_classics.training import checkpoint
from tests import small


@pytest.fixture
def cifar10(tmp_path):
    """A folder with CIFAR-10's files; each class has a brightness of its own."""
    rng, folder = np.random.default_rng(0), tmp_path / "data"
    folder.mkdir()
    for name, n in [(f"data_batch_{k}.bin", 100) for k in range(1, 6)] + [("test_batch.bin", 50)]:
        labels = np.arange(n) % 10
        pixels = 20 * labels[:, None] + rng.integers(0, 60, (n, 3072))
        records = np.concatenate([labels[:, None], pixels], axis=1)
        (folder / name).write_bytes(records.astype("uint8").tobytes())
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small networks; rates that are tried; a checkpoint at each step."""
    small.patch(monkeypatch)
    monkeypatch.setattr(relu_vs_tanh, "TARGET", 0.8)
    monkeypatch.setattr(relu_vs_tanh, "PATIENCE", 2)
    monkeypatch.setattr(degradation, "DEPTHS", (8, 14))
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    # Without graphs, whose making takes most of the time of a short training.
    monkeypatch.setattr(backend, "steps_per_execution", lambda steps: 1)
    compiled = functools.partialmethod(keras.Model.compile, run_eagerly=True)
    monkeypatch.setattr(keras.Model, "compile", compiled)


def test_names():
    assert experiments.find("relu-vs-tanh") is relu_vs_tanh
    assert all(callable(experiments.find(name).run) for name in names.EXPERIMENTS)
    with pytest.raises(ValueError, match="no experiment 'relu'. Did you mean relu_vs_tanh|degra"):
        experiments.find("relu")
    with pytest.raises(AttributeError, match="no attribute 'dropout'"):
        _ = experiments.dropout


@pytest.mark.parametrize("name", names.EXPERIMENTS)
def test_without_matplotlib_nothing_is_trained(name, cifar10, mnist, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(training, "train", None)
    data = mnist if name in ("robustness", "boosting", "strings") else cifar10
    if name == "since_1989":
        monkeypatch.setattr(datasets, "load", lambda name, folder: None)
    with pytest.raises(ImportError, match=r'pip install "keras-classics\[plots\]"'):
        experiments.find(name).run(data, tmp_path / "run")


def written(folder):
    """When each file of the run folders was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*/*")}


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C, in the second epoch of an arm."""

    def on_train_batch_end(self, batch, logs=None):
        if len(self.model.history.epoch) == 1:
            os.kill(os.getpid(), signal.SIGINT)


def goes_on(name, cifar10, tmp_path, monkeypatch, capsys, **arguments):
    """Runs an experiment unbroken; another one is interrupted in its second arm, and goes on.

    Its table is the same, and what was finished is not trained again. Returns the folder of the
    unbroken one, its table, and the arms as they were announced.
    """
    pytest.importorskip("matplotlib")
    run = experiments.find(name).run
    unbroken = run(cifar10, tmp_path / "unbroken", **arguments)
    announced = re.findall("Run .*", capsys.readouterr().out)
    folder, train = tmp_path / "broken", training.train

    def interrupted(recipe, data, run_dir, *more, callbacks=(), **others):
        callbacks = [*callbacks, Interrupt()] if len(list(folder.glob("*-*"))) == 1 else callbacks
        return train(recipe, data, run_dir, *more, callbacks=callbacks, **others)

    monkeypatch.setattr(training, "train", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(training.Interrupted, match=r"last good checkpoint is .*epoch 2, step 1"):
        run(cifar10, folder, **arguments)
    signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(training, "train", train)
    (finished,) = (path.parent for path in folder.glob("*/model.keras"))
    kept = {path: each for path, each in written(folder).items() if path.parent == finished}
    assert run(cifar10, folder, **arguments) == unbroken
    assert kept.items() <= written(folder).items()
    assert re.findall("Run .*", capsys.readouterr().out)[-len(announced) :] == announced
    before = written(folder)
    assert run(cifar10, folder, **arguments) == unbroken
    assert written(folder) == before
    return tmp_path / "unbroken", unbroken, announced


def test_a_folder_is_of_one_experiment(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"choose another one for lrn.*which has other things"):
        arms.Arms("lrn", tmp_path, None, 1)
    arms.Arms("lrn", tmp_path / "new", None, 1)
    arms.Arms("lrn", tmp_path / "new", None, 1)
    with pytest.raises(ValueError, match=r"Received: .*new, which is of the experiment lrn"):
        arms.Arms("overlap", tmp_path / "new", None, 1)


@pytest.mark.slow
def test_relu_vs_tanh(cifar10, tmp_path, monkeypatch, capsys):
    rates = {"relu": (0.004, 1e-9), "tanh": (0.02,)}
    shared = {"seeds": 1, "epochs": 9, "rates": rates}
    folder, table, announced = goes_on(
        "relu_vs_tanh", cifar10, tmp_path, monkeypatch, capsys, **shared
    )
    assert announced == [
        *("Run 1 of 3: relu-0.004, seed 0", "Run 2 of 3: relu-1e-09, seed 0"),
        "Run 3 of 3: tanh-0.02, seed 0",
    ]
    runs = {path.name: training.Run(path) for path in folder.glob("*-*")}
    epochs = []
    for name in ("relu-0.004-0", "tanh-0.02-0"):
        curve = [0.9, *(1 - a for a in runs[name].history["accuracy"])]
        assert curve[-1] <= 0.8 < min(curve[:-1])
        before, after = curve[-2:]
        epochs.append(len(curve) - 2 + (before - 0.8) / (before - after))
    behind = runs["relu-1e-09-0"]
    assert 2 <= len(behind.history["loss"]) < 9
    assert f"| 0.004 of 1e-09, 0.004 | {epochs[0]:.1f} " in table
    assert f"tanh / ReLU: {epochs[1] / epochs[0]:.1f} " in table
    assert behind.recipe.weight_decays == (0,) * 5
    assert float(behind.recipe.rate(9)(8)) == pytest.approx(1e-9)
    assert (folder / "figure.png").stat().st_size > 5000


def test_a_rate_that_diverges_is_no_candidate(cifar10, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")

    def train(self, name, recipe, seed=0, **more):
        self.number += 1
        if recipe.learning_rate > 1:
            raise FloatingPointError("a loss of nan")
        curve = [0.5, 0.7 - 0.1 * seed]
        run = type("Run", (), {"history": {"accuracy": curve}})
        return run

    monkeypatch.setattr(arms.Arms, "train", train)
    monkeypatch.setattr(relu_vs_tanh, "TARGET", 0.25)
    rates = {"relu": (0.1, 7.0), "tanh": (0.1,)}
    table = relu_vs_tanh.run(cifar10, tmp_path / "run", 1, 3, rates=rates)
    assert "| 0.1 of 0.1, 7" in table
    assert table.count("not reached") == 2
    assert "tanh / ReLU" not in table


def test_crossing_is_interpolated(monkeypatch):
    monkeypatch.setattr(relu_vs_tanh, "TARGET", 0.25)
    assert relu_vs_tanh.crossing([0.9, 0.5, 0.3, 0.2]) == pytest.approx(2.5)
    assert relu_vs_tanh.crossing([0.9, 0.5, 0.26]) is None


@pytest.mark.parametrize(
    ("best", "epoch", "error", "stops"),
    [
        ((), 30, 0.26, False),
        ((), 0, 0.25, True),
        ((0.9, 0.7, 0.5, 0.4), 2, 0.411, True),  # the third epoch
        ((0.9, 0.7, 0.5, 0.4), 2, 0.409, False),
        ((0.9, 0.7, 0.5, 0.4), 0, 0.9, False),
        ((0.9, 0.7, 0.25), 2, 0.251, True),  # later than the other one
    ],
)
def test_when_a_run_ends(best, epoch, error, stops, monkeypatch):
    monkeypatch.setattr(relu_vs_tanh, "TARGET", 0.25)
    until = relu_vs_tanh.Until(best)
    until.set_model(keras.Sequential())
    until.model.stop_training = False
    until.on_epoch_end(epoch, {"accuracy": 1 - error})
    assert until.model.stop_training is stops


def test_starts_and_inputs_of_figure_1():
    """As in the file, or by the fans; pixels of 255 levels, or of about 1."""
    recipe = dataclasses.replace(relu_vs_tanh.RECIPE, network="cuda_convnet_13pct")
    (subtract, rescale) = recipe.layers(True)
    assert (type(subtract).__name__, rescale.scale) == ("SubtractMean", 1)
    assert dataclasses.replace(recipe, scale=1 / 64).layers(True)[-1].scale == 1 / 64
    deviations = {}
    for start in relu_vs_tanh.STARTS:
        started = dataclasses.replace(recipe, start=start)
        network = started.build(input_shape=started.input_shape, classes=10)
        deviations[start] = float(np.std(network.get_layer("conv1").get_weights()[0]))
    assert deviations["file"] == pytest.approx(1e-4, rel=0.1)
    assert deviations["he"] == pytest.approx(math.sqrt(2 / 75), rel=0.1)
    assert deviations["glorot"] == pytest.approx(math.sqrt(2 / (75 + 25 * 8)), rel=0.1)


@pytest.mark.slow
def test_lrn(cifar10, tmp_path, monkeypatch, capsys):
    shared = {"seeds": 2, "epochs": 3}
    folder, table, announced = goes_on("lrn", cifar10, tmp_path, monkeypatch, capsys, **shared)
    assert announced == [
        *("Run 1 of 4: with, seed 0", "Run 2 of 4: without, seed 0"),
        *("Run 3 of 4: with, seed 1", "Run 4 of 4: without, seed 1"),
    ]
    errors = np.zeros((2, 2))
    for seed, k in np.ndindex(2, 2):
        run = training.Run(folder / f"{('with', 'without')[k]}-{seed}")
        assert (run.manifest["seed"], run.recipe.lrn) == (seed, k == 0)
        assert (run.recipe.held_out, run.recipe.last_epochs) == (50, (1, 1))
        errors[seed, k] = run.manifest["errors"]["held out"]["percent"]
    difference = errors[:, 1] - errors[:, 0]
    line = next(line for line in table.splitlines() if "50 images, held out" in line)
    assert f"{difference.mean():.2f} ± {difference.std(ddof=1) / np.sqrt(2):.2f}" in line
    for k in (0, 1):
        assert f"{errors[:, k].mean():.2f} ± {errors[:, k].std(ddof=1):.2f}" in line
    assert "11 and 13" in line
    assert (folder / "figure.png").stat().st_size > 5000


@pytest.fixture
def recorded(monkeypatch):
    """Arms that train nothing, and note their names, recipes and seeds; each has more errors."""
    made = []

    def train(self, name, recipe, seed=0, **more):
        made.append((name, recipe, seed))
        errors = {part: {"percent": len(made), "of": 50} for part in ("held out", "test")}
        history = {name: [0.1, 0.25] for name in ("accuracy", "val_accuracy")}
        attributes = {"history": history, "manifest": {"errors": errors}, "recipe": recipe}
        return type("Run", (), attributes)

    monkeypatch.setattr(arms.Arms, "train", train)
    return made


def test_overlap(cifar10, tmp_path, recorded):
    pytest.importorskip("matplotlib")
    table = experiments.overlap.run(cifar10, tmp_path / "run", seeds=1)
    assert [r.overlapping_pooling for _, r, _ in recorded] == [True, False]
    assert {(r.network, r.epochs, r.held_out) for _, r, _ in recorded} == {
        ("cuda_convnet_11pct", 10, 50)
    }
    assert "| 1.00 | 2.00    | 1.00 ± nan" in table


def test_the_scale_of_an_ablation_shows_the_difference(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = []
    monkeypatch.setattr(ablation, "finish", lambda row, *more, **others: drawn.append(row))
    errors = {"with": 24.2, "without": 24.4}
    recipe = types.SimpleNamespace(epochs=10)
    runs = {
        name: [
            types.SimpleNamespace(
                recipe=recipe, manifest={"errors": {"held out": {"percent": error}}}
            )
        ]
        for name, error in errors.items()
    }
    experiments.lrn.ABLATION.draw(runs, tmp_path / "figure.png")
    low, high = drawn[0][0].get_ylim()
    assert 24 < low < 24.2 < 24.4 < high < 24.6


def test_the_arms_of_degradation(cifar10, tmp_path, monkeypatch, recorded):
    """Four networks by the paper's recipe with other lengths; of the residual ones more seeds."""
    pytest.importorskip("matplotlib")
    drawn = []
    monkeypatch.setattr(degradation, "draw", lambda runs, *more: drawn.extend(runs))
    monkeypatch.setattr(degradation, "DEPTHS", (20, 56))
    table = degradation.run(cifar10, tmp_path / "run", seeds=2, epochs=2)
    plain, residual = (("plain-20", "plain-56"), ("ResNet-20", "ResNet-56"))
    expected = [*((name, 0) for name in plain + residual), *((name, 1) for name in residual)]
    assert [(name, seed) for name, _, seed in recorded] == expected
    for name, recipe, _ in recorded:
        assert recipe.network == name.lower().replace("-", "") + "_cifar"
        assert (recipe.drops_at, recipe.epochs, recipe.held_out) == ((4, 6), 2, 50)  # of 8 steps
    assert tuple(drawn) == plain + residual
    row = next(line for line in table.splitlines() if "ResNet-20" in line)
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells == ["ResNet-20", "2", "75.00 ± 0.00", "4.00 ± 1.41", "4.00 ± 1.41", "8.75"]


@pytest.mark.slow
def test_degradation(cifar10, tmp_path):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "run"
    table = degradation.run(cifar10, folder, epochs=1)
    for name in ("plain-8", "plain-14", "ResNet-8", "ResNet-14"):
        errors = training.Run(folder / f"{name}-0").manifest["errors"]
        assert f"| {errors['held out']['percent']:.2f} " in next(
            line for line in table.splitlines() if f"| {name} " in line
        )
    for picture in ("figure.png", "figure_1.png", "figure_7.png"):
        assert (folder / picture).stat().st_size > 5000


PLANE = robustness.Subject(lambda images: images, np.zeros((1, 9, 9, 1), "float32"), -0.1, 1.0, 4)


def moved(kind, amount, images):
    subject = PLANE._replace(images=np.array(images, "float32")[None, ..., None])
    return robustness.distorted(subject, kind, amount)[0, ..., 0]


def test_distortions():
    """Against NumPy's own moves; what comes from outside is paper."""
    image = np.full((9, 9), -0.1)
    image[2:5, 3:6] = np.arange(9).reshape(3, 3) / 9
    down = moved(robustness.SHIFT, 0.5, image)  # of a box of 4: two pixels
    np.testing.assert_allclose(down[2:], image[:-2], atol=1e-6)
    np.testing.assert_allclose(down[:2], -0.1, atol=1e-6)
    turned = moved(robustness.ROTATION, 90, image)
    np.testing.assert_allclose(turned, np.rot90(image, -1), atol=1e-5)  # clockwise
    half = moved(robustness.SCALE, 0.5, image)
    np.testing.assert_allclose(half[2:7, 2:7], image[::2, ::2], atol=1e-6)
    for kind in (robustness.SHIFT, robustness.ROTATION, robustness.NOISE):
        np.testing.assert_allclose(moved(kind, 0, image), image, atol=1e-6)
    np.testing.assert_allclose(moved(robustness.SCALE, 1, image), image, atol=1e-6)


def test_noise_turns_paper_to_ink_and_ink_to_paper():
    subject = PLANE._replace(images=np.full((50, 20, 20, 1), -0.1, "float32"))
    noisy = robustness.distorted(subject, robustness.NOISE, 0.1)
    assert set(np.unique(noisy.round(3))) == {np.float32(-0.1), np.float32(1.0)}
    assert np.mean(noisy > 0.5) == pytest.approx(0.1, abs=0.01)
    again = robustness.distorted(subject._replace(images=noisy), robustness.NOISE, 0.1)
    np.testing.assert_allclose(again, -0.1, atol=1e-6)  # the same pixels


def test_errors_over_distortions():
    """A network that reads the brightest column is right until the digit is turned."""
    images = np.full((4, 9, 9, 1), -0.1, "float32")
    images[np.arange(4), :, np.arange(4) + 1] = 1
    subject = PLANE._replace(predict=lambda images: images[..., 0].sum(axis=1), images=images)
    found = robustness.errors(subject, np.arange(4) + 1)
    assert found[robustness.SHIFT] == [0] * 6
    assert found[robustness.ROTATION][5] == 0 < found[robustness.ROTATION][8]  # 0, 30 degrees
    table = robustness.table({"mine": found})
    error = found[robustness.ROTATION][8]
    assert re.search(rf"rotation, degrees: 30 +\| {error:.2f} +\| accurate", table)
    assert re.search(r"no distortion +\| 0.00", table)


def test_robustness(mnist, tmp_path):
    """Without distortion, the networks read the digits as their recipe does."""
    pytest.importorskip("matplotlib")
    table = robustness.run(mnist, tmp_path / "run")
    row = next(line for line in table.splitlines() if "no distortion" in line)
    data = datasets.load("mnist", mnist)
    chosen = ("lenet1", "mnist"), ("lenet5", "mnist"), ("lenet5", "mnist-distortions")
    for (network, short), each in zip(chosen, robustness.NETWORKS.values(), strict=True):
        recipe = dataclasses.replace(training.recipe(network), centre="mnist")
        split = recipe.splits(data)["test"]
        scores = kc.build(network, weights=short).predict(split.images, verbose=0)
        subject = robustness.subject(*each, data)
        np.testing.assert_allclose(subject.predict(subject.images), scores, rtol=1e-4, atol=1e-5)
        error = 100 * np.mean(scores.argmax(-1) != split.labels)
        assert f"| {error:.2f}" in row
    assert (tmp_path / "run" / "figure.png").stat().st_size > 5000


def test_boosting(mnist, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "run"
    monkeypatch.setattr(boosting, "COPIES", 3)
    table = boosting.run(mnist, folder, epochs=1)
    assert re.findall("Run .*", capsys.readouterr().out) == [
        *("Run 1 of 3: first, seed 0", "Run 2 of 3: second, seed 0", "Run 3 of 3: third, seed 0")
    ]
    runs = [training.Run(folder / f"{name}-0") for name in ("first", "second", "third")]
    first, second, third = (np.array(run.recipe.learning_rates) for run in runs)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(third, first / 4)
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()[2:]]
    digits = [int(row[2]) for row in rows[:3]]
    assert digits[0] == 12
    assert digits[1] % 2 == 0  # half of them read right
    scores = [run.predictions(datasets.load("mnist", mnist))["test"] for run in runs]
    together = sum(pair[0] for pair in scores).argmax(axis=1) != scores[0][1]
    assert float(rows[3][3]) == pytest.approx(100 * together.mean(), abs=1e-3)
    assert (folder / "figure.png").stat().st_size > 5000


def test_digits_for_the_second_and_the_third_network(monkeypatch):
    """A network that reads the grey level of a digit, and one that reads nothing."""
    levels = np.tile(np.arange(10) / 10, 5)
    images = np.broadcast_to(levels[:, None, None, None], (50, 28, 28, 1))
    labels = np.where(np.arange(50) % 5 == 0, (levels * 10).round() + 1, levels * 10).round() % 10
    digits = datasets.Digits(images, labels.astype(int), 20)
    read = {"grey": lambda x: (10 * x.images[:, 14, 14, 0]).round().astype(int)}
    read["none"] = lambda x: np.full(len(x), 7)
    monkeypatch.setattr(boosting, "answers", lambda name, digits: read[name](digits))
    found = boosting.filtered("grey", [digits, digits], np.random.default_rng(0))
    wrong = read["grey"](found) != found.labels
    assert (len(found), wrong.sum(), found.box) == (40, 20, 20)
    found = boosting.disagreed("grey", "none", [digits])
    assert len(found) == 45
    assert 7 not in read["grey"](found)


def test_distorted_digits_are_new_each_time():
    split = datasets.Digits(
        np.random.default_rng(0).uniform(0, 1, (4, 28, 28, 1)), [1, 2, 3, 4], 20
    )
    first, second = boosting.distorted(split, 0, copies=2)
    (other,) = boosting.distorted(split, 1, copies=1)
    (again,) = boosting.distorted(split, 0, copies=1)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, split.labels)
    for each in (second, other, split):
        assert np.abs(first.images - each.images).max(axis=(1, 2, 3)).min() > 0.1


def test_how_often_the_others_are_asked():
    """The first is wrong of one digit of five, of which it is the second least sure."""
    labels = np.zeros(5, int)
    margins = np.array([4.0, 1.0, -2.0, 3.0, 5.0])
    first = np.stack([margins, np.zeros(5)], axis=1), labels
    right = np.stack([np.ones(5), np.zeros(5)], axis=1), labels
    assert boosting.asked(first, right) == 2 / 5
    assert boosting.asked(first, first) == 0


def test_the_network_of_regularization():
    kinds = {}
    for name, (normalization, dropout) in regularization.ARMS.items():
        network = regularization.network((32, 32, 3), 10, normalization, dropout)
        kinds[name] = [type(layer).__name__ for layer in network.layers]
    counts = {
        name: (found.count("BatchNormalization"), found.count("Dropout"))
        for name, found in kinds.items()
    }
    assert counts == {"neither": (0, 0), "normalization": (4, 0), "dropout": (0, 1), "both": (4, 1)}
    found = kinds["both"]
    assert all(found[k + 1] == "ReLU" for k, kind in enumerate(found) if kind[:5] == "Batch")
    assert found[-3:] == ["ReLU", "Dropout", "Dense"]


@pytest.mark.slow
def test_regularization(cifar10, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(regularization, "TARGET", 89.0)
    folder = tmp_path / "run"
    table = regularization.run(cifar10, folder, epochs=2)
    announced = re.findall("Run .*", capsys.readouterr().out)
    assert announced == [f"Run {k} of 4: {n}, seed 0" for k, n in enumerate(regularization.ARMS, 1)]
    for name in regularization.ARMS:
        run = training.Run(folder / f"{name}-0")
        below = np.flatnonzero(100 - 100 * np.array(run.history["val_accuracy"]) <= 89)
        held = run.manifest["errors"]["held out"]["percent"]
        cells = next(line for line in table.splitlines() if line.startswith(f"| {name} ")).split(
            "|"
        )
        assert cells[2].strip() == (str(below[0] + 1) if len(below) else "not reached")
        assert float(cells[4]) == pytest.approx(held)
        assert float(cells[5]) == pytest.approx(held - float(cells[3]), abs=0.02)
    assert (folder / "figure.png").stat().st_size > 5000


def test_the_networks_since_1989():
    """All have the weights of 1989; the last one ReLU, He's start and dropout, too."""
    found = {}
    for name, recipe in since_1989.arms(epochs=2).items():
        network = recipe.build(input_shape=(16, 16, 1), classes=10)
        assert network.count_params() == 9760
        ends = [
            network.get_layer(layer).activation.__name__ for layer in ("H1", "H2", "H3", "output")
        ]
        assert network.get_layer("H1_kernels").activation.__name__ == "linear"
        deviation = float(np.std(network.get_layer("H3").get_weights()[0]))
        dropped = [
            layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)
        ]
        found[name] = ends, dropped, recipe.distortions, recipe.epochs, round(deviation, 1)
    tanh = [*3 * ["scaled_tanh"], "softmax"]
    assert found == {
        "1989": ([*4 * ["scaled_tanh"]], [], False, 23, 0.0),
        "cross-entropy, AdamW": (tanh, [], False, 2, 0.0),
        "distorted digits": (tanh, [], True, 2, 0.0),
        "ReLU, dropout": ([*3 * ["relu"], "softmax"], [0.25], True, 2, 0.1),
    }


def test_since_1989(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    images = np.random.default_rng(0).uniform(0, 1, (40, 16, 16, 1)).astype("float32")
    split = datasets.Digits(images, np.arange(40) % 10, 16)
    data = datasets.Images("noise", datasets.Digits.classes, split, split, held="test")
    monkeypatch.setattr(datasets, "load", lambda name, folder: {"usps": data}[name])
    recipes = since_1989.arms(epochs=2)
    recipes["1989"] = dataclasses.replace(recipes["1989"], epochs=1, curvature_patterns=5)
    monkeypatch.setattr(since_1989, "arms", lambda epochs: {2: recipes}[epochs])
    table = since_1989.run("there", tmp_path / "run", seeds=1, epochs=2)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert [(row[0], row[1]) for row in rows[:-1]] == [
        *(("1989", "1"), ("cross-entropy, AdamW", "2"), ("distorted digits", "2")),
        ("ReLU, dropout", "2"),
    ]
    for row, folder in zip(rows, ("1989", "crossentropyadamw", "distorteddigits"), strict=False):
        run = training.Run(tmp_path / "run" / f"{folder}-0")
        errors = [run.manifest["errors"][part]["percent"] for part in ("train", "test")]
        assert [float(cell) for cell in row[2:4]] == pytest.approx(errors, abs=0.01)
    assert (tmp_path / "run" / "figure.png").stat().st_size > 5000


def test_windows_with_neighbours(monkeypatch):
    """Bars: a digit stays in the middle, its neighbours are as far from it as drawn."""
    monkeypatch.setattr(strings, "NOISE", 0.0)
    images = np.zeros((40, 28, 28, 1), "float32")
    images[:20, 4:24, 12:16] = 1.0
    images[20:, 4:24, 8:20] = 0.5
    found = strings.windows(datasets.Digits(images, np.arange(40) // 20, 20), seed=0)
    assert found.images.shape == (48, 32, 32, 1)
    assert list(found.labels) == [0] * 20 + [1] * 20 + [10] * 8
    seen: tuple[set, set] = (set(), set())
    for image, label in zip(found.images[:40, 10, :, 0], found.labels, strict=False):
        first, end, ink = ((14, 18, 1.0), (10, 22, 0.5))[label]
        assert (image[first:end] >= ink).all()
        inked = image > 0
        # What is empty beside the digit, up to its neighbour: none where they touch or overlap.
        for side, beside in zip(seen, (inked[:first][::-1], inked[end:]), strict=True):
            side.add(int(beside.argmax()))
    assert seen == ({0, 1, 2, 3, 4}, {0, 1, 2, 3, 4})
    wide = [int((image[..., 0] == 0).all(axis=0).sum()) for image in found.images[40:]]
    assert max(wide) > 8
    monkeypatch.setattr(strings, "NOISE", 0.1)
    noisy = strings.windows(datasets.Digits(images, np.arange(40) // 20, 20), seed=0)
    turned = np.abs(noisy.images - found.images) > 1e-6
    assert (noisy.images[turned] == (1 - found.images)[turned]).all()
    assert 0.09 < turned[np.isin(found.images, (0, 1))].mean() < 0.11


def test_characters_of_either_output():
    scores = np.full((3, 10), -50.0)
    scores[0, 7], scores[2, 7] = -2, -3
    assert strings.characters(scores) == (7, 7)
    shares = np.full((3, 11), 0.01)
    shares[0, 7], shares[1, 10], shares[2, 7] = 0.9, 0.5, 0.8
    assert strings.characters(shares) == (7, 7)
    assert strings.characters(shares[:1]) == (7,)
    shares[1, 10], shares[1, 7] = 0.01, 0.5
    assert strings.characters(shares) == (7,)


def test_strings(mnist, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(strings, "STRINGS", 3)
    monkeypatch.setattr(strings, "GAPS", (2, 9))
    folder = tmp_path / "run"
    table = strings.run(mnist, folder, epochs=1)
    assert re.findall("Run .*", capsys.readouterr().out) == ["Run 1 of 1: neighbours, seed 0"]
    assert training.Run(folder / "neighbours-0").network.output_shape == (None, 11)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0][1:] == ["LeNet-5", "LeNet-5, distortions", "LeNet-5, neighbours"]
    assert [row[0] for row in rows[2:]] == ["2", "9"]
    assert {float(cell) for row in rows[2:] for cell in row[1:]} <= {0.0, 33.33, 66.67, 100.0}
    assert (folder / "figure.png").stat().st_size > 5000


def test_a_network_that_knows_the_digits_reads_all_strings(monkeypatch):
    """A swept network that tells ten grey levels apart, and the space between."""
    monkeypatch.setattr(strings, "STRINGS", 20)
    images = np.zeros((10, 28, 28, 1), "float32")
    images[:, :, 10:16] = 0.25 + 0.075 * np.arange(10)[:, None, None, None]

    class Sees:
        def predict(self, lines, **more):
            ink = (lines[:, 16, 16:-15:4, 0] + 0.1) / 1.275
            ink = ink[:, : (lines.shape[2] - 32) // 4 + 1]
            far = np.abs(ink[..., None] - images[:, 0, 12, 0])
            return (-1000 * far)[:, None]

    monkeypatch.setattr(strings, "swept", lambda network: Sees())
    digits = datasets.Digits(images, np.arange(10), 20)
    assert strings.right(None, digits, 8, 0) == 100.0
    assert strings.right(None, datasets.Digits(images, np.arange(10)[::-1], 20), 8, 0) < 100.0
