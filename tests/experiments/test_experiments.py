"""The experiments on a few images of noise: what they train, write and print."""

import csv
import re
import sys
import types

import keras
import numpy as np
import pytest

from keras_classics import experiments, names, training
from keras_classics.experiments import ablation, cifar, degradation, relu_vs_tanh


@pytest.fixture
def cifar10(tmp_path):
    """A folder with CIFAR-10's files; each class has a brightness of its own."""
    rng = np.random.default_rng(0)
    for name, n in [(f"data_batch_{k}.bin", 100) for k in range(1, 6)] + [("test_batch.bin", 50)]:
        labels = np.arange(n) % 10
        pixels = 20 * labels[:, None] + rng.integers(0, 60, (n, 3072))
        records = np.concatenate([labels[:, None], pixels], axis=1)
        (tmp_path / name).write_bytes(records.astype("uint8").tobytes())
    return tmp_path


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_images_are_less_the_mean_of_those_that_train(cifar10):
    data = cifar.images(cifar10, held_out=30)
    assert [len(y) for _, y in data.values()] == [470, 30, 50]
    train, _ = data["train"]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-4)
    assert np.abs(data["held out"][0].mean(axis=0)).max() > 1
    assert list(cifar.images(cifar10)) == ["train", "test"]


def test_images_may_keep_their_mean(cifar10):
    raw, less = (cifar.images(cifar10, 30, less_mean=kept) for kept in (False, True))
    mean = raw["train"][0].mean(axis=0)
    assert raw["train"][0].dtype == np.uint8
    for part in raw:
        np.testing.assert_allclose(less[part][0], raw[part][0] - mean, atol=1e-3)
        np.testing.assert_array_equal(less[part][1], raw[part][1])


def test_crops_are_less_the_center_of_the_mean(cifar10, monkeypatch):
    """Wherever they are cut out, in training and in the test."""
    data = cifar.images(cifar10, 30, less_mean=False)
    seen = []

    def network(*arguments, input_shape, **switches):
        assert input_shape == (24, 24, 3)
        image = keras.Input(input_shape)
        return keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))

    def fit(model, images, labels, *arguments, **more):
        crop, inner = model.layers
        crops = keras.ops.convert_to_numpy(crop(images, training=True))
        seen.append((crops, keras.ops.convert_to_numpy(inner(crops))))

    monkeypatch.setattr(ablation, "CudaConvNet", network)
    monkeypatch.setattr(ablation.keras.Model, "fit", fit)
    ablation.train(data, {}, seed=0, epochs=1)
    ((crops, found),) = seen
    mean = data["train"][0].mean(axis=0)[4:28, 4:28]
    np.testing.assert_allclose(found, (crops - mean).mean((1, 2)), atol=1e-2)


def test_the_rule_is_that_of_the_programs_file():
    """Weight decay of each layer, and twice the rate for biases: two steps, by hand."""
    for name, decay in [("conv1", 0.0), ("local3", 0.004), ("local4", 0.004), ("fc10", 0.01)]:
        layer = keras.layers.Dense(1, name=name)
        layer.build((None, 1))
        layer.set_weights([np.full((1, 1), 3.0), np.full(1, 2.0)])
        rule = ablation._LayerwiseSGD(0.1, 0.9)
        rule.build(layer.trainable_variables)
        for _ in range(2):
            gradients = [keras.ops.full(shape, 0.5) for shape in ((1, 1), (1,))]
            rule.apply(gradients, layer.trainable_variables)
        w, v, b, u = 3.0, 0.0, 2.0, 0.0
        for _ in range(2):
            v = 0.9 * v - decay * 0.1 * w - 0.1 * 0.5
            u = 0.9 * u - 0.2 * 0.5
            w, b = w + v, b + u
        kernel, bias = layer.get_weights()
        np.testing.assert_allclose([kernel.item(), bias.item()], [w, b], rtol=1e-5)


def test_names():
    assert experiments.find("relu-vs-tanh") is relu_vs_tanh
    assert all(callable(experiments.find(name).run) for name in names.EXPERIMENTS)
    with pytest.raises(ValueError, match="no experiment 'relu'. Did you mean relu_vs_tanh|degra"):
        experiments.find("relu")
    with pytest.raises(AttributeError, match="no attribute 'dropout'"):
        _ = experiments.dropout


def test_crossing_is_interpolated():
    assert relu_vs_tanh.crossing([0.9, 0.5, 0.3, 0.2]) == pytest.approx(2.5)
    assert relu_vs_tanh.crossing([0.9, 0.5, 0.26]) is None


@pytest.mark.slow
def test_relu_vs_tanh(cifar10, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(relu_vs_tanh, "RATES", {"relu": (0.001, 1e-9), "tanh": (0.002,)})
    monkeypatch.setattr(relu_vs_tanh, "TARGET", 0.8)
    table = relu_vs_tanh.run(cifar10, tmp_path, epochs=9)
    printed = capsys.readouterr().out
    assert re.findall("Run .*", printed) == [
        "Run 1 of 3: relu, learning rate 0.001, seed 0",
        "Run 2 of 3: relu, learning rate 1e-09, seed 0",
        "Run 3 of 3: tanh, learning rate 0.002, seed 0",
    ]
    rows = read(tmp_path / "curves.csv")
    assert len(re.findall("Epoch ./9: training error .* %", printed)) == len(rows)
    curves = {}
    for row in rows:
        key = (row["activation"], float(row["learning_rate"]))
        curves.setdefault(key, []).append(float(row["training_error"]))
    for key in [("relu", 0.001), ("tanh", 0.002)]:
        assert curves[key][-1] <= 0.8 < min([1, *curves[key][:-1]])
    assert len(curves["relu", 1e-9]) < 9  # given up, because it is behind
    assert re.search(r"\| relu +\| 0.001 +\|", table)
    assert "tanh / ReLU: " in table
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.slow
def test_lrn(cifar10, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(ablation, "HELD_OUT", 60)
    table = experiments.lrn.run(cifar10, tmp_path, seeds=2, epochs=2)
    printed = capsys.readouterr().out
    assert re.findall("Run .*", printed) == [
        *("Run 1 of 4: lrn=True, seed 0", "Run 2 of 4: lrn=False, seed 0"),
        *("Run 3 of 4: lrn=True, seed 1", "Run 4 of 4: lrn=False, seed 1"),
    ]
    assert printed.count("loss: ") == 4 * 2  # a line an epoch
    rows = read(tmp_path / "runs.csv")
    assert [(row["seed"], row["lrn"]) for row in rows] == [
        *[("0", "True"), ("0", "False"), ("1", "True"), ("1", "False")]
    ]
    errors = np.array([float(row["held out"]) for row in rows]).reshape(2, 2)
    assert errors.max() <= 100
    difference = errors[:, 1] - errors[:, 0]
    line = next(line for line in table.splitlines() if "held out" in line)
    assert f"{difference.mean():.2f} ± {difference.std(ddof=1) / np.sqrt(2):.2f}" in line
    assert f"{errors[:, 0].mean():.2f} ± {errors[:, 0].std(ddof=1):.2f}" in line
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.slow
def test_overlap(cifar10, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(ablation, "HELD_OUT", 300)
    table = experiments.overlap.run(cifar10, tmp_path, seeds=1, epochs=1)
    rows = read(tmp_path / "runs.csv")
    assert [row["overlapping_pooling"] for row in rows] == ["True", "False"]
    assert f"| {float(rows[0]['test']):.2f} ± nan | {float(rows[1]['test']):.2f} ± nan |" in table
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_the_rate_falls_in_the_last_two_epochs(cifar10, monkeypatch):
    rates = []
    monkeypatch.setattr(ablation.keras.callbacks, "LearningRateScheduler", rates.append)
    data = cifar.images(cifar10, 400, less_mean=False)
    monkeypatch.setattr(ablation.keras.Model, "fit", _stop)
    with pytest.raises(_Stop):
        ablation.train(data, {}, seed=0, epochs=5)
    (schedule,) = rates
    np.testing.assert_allclose([schedule(e) for e in range(5)], [1e-3, 1e-3, 1e-3, 1e-4, 1e-5])


class _Stop(Exception):
    pass


def _stop(*args, **kwargs):
    raise _Stop


@pytest.mark.parametrize("name", names.EXPERIMENTS)
def test_without_matplotlib_nothing_is_trained(name, cifar10, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(ablation.keras.Model, "fit", _stop)
    with pytest.raises(ImportError, match=r'pip install "keras-classics\[plots\]"'):
        experiments.find(name).run(cifar10, tmp_path / "run")


def test_the_runs_of_degradation(cifar10, tmp_path, monkeypatch, capsys):
    """Four networks for each seed, by the paper's recipe with other lengths."""
    trained, drawn = [], []

    def train(recipe, data, folder, seed, verbose):
        trained.append((recipe, folder.name, seed))
        errors = {"held out": {"percent": len(trained)}, "test": {"percent": 50.0}}
        history = {"accuracy": [0.1, 0.25]}
        return types.SimpleNamespace(history=history, manifest={"errors": errors})

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(degradation, "draw", lambda runs, images, folder: drawn.append(runs))
    table = degradation.run(cifar10, tmp_path, seeds=2, epochs=2)
    arms = ["plain-20", "plain-56", "ResNet-20", "ResNet-56"]
    assert [name for _, name, _ in trained] == [f"{name}-{k}" for k in (0, 1) for name in arms]
    assert [seed for _, _, seed in trained] == [0] * 4 + [1] * 4
    networks = ["plain20_cifar", "plain56_cifar", "resnet20_cifar", "resnet56_cifar"]
    assert [recipe.network for recipe, _, _ in trained] == networks * 2
    assert {(r.epochs, r.held_out, r.drops_at) for r, _, _ in trained} == {(2, 50, (4, 6))}
    assert [list(runs) for runs in drawn] == [arms]
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["Run 1 of 8: plain-20, seed 0", "Run 2 of 8: plain-56, seed 0"]
    row = next(line for line in table.splitlines() if "ResNet-20" in line)
    cells = [cell.strip() for cell in row.split("|")]
    assert cells == ["", "ResNet-20", "75.00", "5.00", "50.00", "8.75", ""]  # of 3 % and 7 %


@pytest.mark.slow
def test_degradation(cifar10, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(degradation, "DEPTHS", (8, 14))
    table = degradation.run(cifar10, tmp_path, seeds=1, epochs=2)
    for name in [f"{kind}-{depth}" for kind in ("plain", "ResNet") for depth in (8, 14)]:
        run = training.Run(tmp_path / f"{name}-0")
        assert run.manifest["data"]["held out"] == 50
        assert run.manifest["recipe"]["drops_at"] == [4, 6]  # of 8 steps
        assert run.manifest["seed"] == 0
        percent = run.manifest["errors"]["held out"]["percent"]
        assert f"| {percent:.2f} " in next(x for x in table.split("\n") if name in x)
    for picture in ("figure.png", "figure_1.png", "figure_7.png"):
        assert (tmp_path / picture).stat().st_size > 5000
