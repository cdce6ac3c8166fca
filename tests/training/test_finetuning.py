"""Fine-tuning from a file of random weights, whose batch normalization is off its defaults."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_classics as kc
from keras_classics import datasets, training, weights
from keras_classics.training import finetuning, imaging, inputs
from tests import small

LIKE = "torchvision/resnet18-f37072fd"
OF_FILE = {"network": "resnet18", "like": LIKE, "image_size": 32}
QUICK = {"epochs": 1, "head_epochs": 2, "batch_size": 8, "image_size": 32, "verbose": 0}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of a small network that is called ResNet-18."""
    small.patch(monkeypatch)
    monkeypatch.setitem(kc.applications.resnet.BLOCKS, 18, ("basic", (1, 1)))
    monkeypatch.setattr(kc.applications.resnet, "WIDTHS", (16, 24))
    keras.utils.set_random_seed(7)
    network = kc.build("resnet18", classes=5, input_shape=(32, 32, 3))
    rng = np.random.default_rng(1)
    for weight in network.weights:
        if weight.name in ("gamma", "moving_variance", "moving_mean", "beta"):
            low = 0.8 if weight.name in ("gamma", "moving_variance") else -0.2
            weight.assign(rng.uniform(low, low + 0.4, tuple(weight.shape)))
    path = tmp_path / "pretrained.safetensors"
    weights.save(network, path, convention="torchvision")
    return path


def values(model):
    return {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}


def arrays(count=24, classes=3, side=40):
    """Images of three colours with noise, to train and to test."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = rng.integers(0, 150, (count, side, side - 8, 3))
    images[np.arange(count), :, :, labels] += 100
    pair = images.astype("uint8"), labels
    return datasets.wrap(pair, tuple(each[:8] for each in pair), classes=["r", "g", "b"])


def test_a_folder_of_photographs(file, photographs, tmp_path):
    """What is left is a classifier of photographs, for which the file is not needed."""
    data = datasets.load(str(photographs))
    folder = tmp_path / "run"
    run = training.finetune("resnet18", data, folder, file, like=LIKE, **QUICK)
    file.unlink()
    run = training.Run(folder)
    assert run.evaluate(data) == run.manifest["errors"]
    model = keras.saving.load_model(folder / "model.keras")
    assert type(model) is kc.Classifier
    assert model.classes == [("green", "green"), ("red", "red")]
    path = str(photographs / "red" / "3.png")
    scores = model.predict(path, verbose=0)
    ((name, _, score),) = model.decode_predictions(scores, top=1)[0]
    ((first, _, (best, _)),) = run.predict(path)
    assert name == first
    np.testing.assert_allclose(best, score, rtol=1e-4)
    network, prepared = model.network, model.preprocessing(datasets.read_image(path))
    np.testing.assert_allclose(network.predict(prepared[None], verbose=0), scores, rtol=1e-4)
    assert len(run.manifest["start"]) == 2
    assert len(run.history["loss"]) == 1


def test_numbers_of_the_weights(file):
    """The run states what the weights need; what is given stays."""
    recipe = training.FineTuneRecipe("resnet18", weights=str(file), like=LIKE).settled()
    assert (recipe.image_size, recipe.test_side, recipe.squash) == (224, 256, False)
    assert recipe.mean == (123.675, 116.28, 103.53)
    assert recipe.deviation == (58.395, 57.12, 57.375)
    assert (recipe.interpolation, recipe.rounding) == ("bilinear", "torchvision")
    assert recipe.settled() is recipe
    given = dataclasses.replace(recipe, image_size=112, mean=(1, 2, 3))
    assert (given.settled().test_side, given.mean) == (128, (1.0, 2.0, 3.0))
    vit = training.FineTuneRecipe("vit_b32", image_size=384).settled()
    assert (vit.squash, vit.test_side, vit.mean) == (True, None, (127.5,) * 3)
    assert "whole image made 384x384" in vit.protocol()
    assert "first release" in str(vit)


def test_test_images_are_those_of_the_classifier(file):
    recipe = training.FineTuneRecipe(
        "resnet18", weights=str(file), like=LIKE, image_size=32
    ).settled()
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 61, 3), "uint8")
    expected = kc.classifier("resnet18", file, like=LIKE, image_size=32).preprocessing(images)
    np.testing.assert_array_equal(imaging.preprocess(recipe, None, images), expected)
    # Without augmentation, training images are the same, but for the order of the arithmetic.
    plain = dataclasses.replace(recipe, crops="none")
    found = inputs.apply(imaging.layers_of(plain, training=True), images[0], training=True)
    np.testing.assert_allclose(found, expected[0], atol=1e-5)


@pytest.mark.parametrize("crops", ["area", "shift"])
def test_augmentation(file, crops):
    options = {"crops": crops, "randaugment": (1, 5), "erasing": 1.0}
    recipe = training.FineTuneRecipe(
        "resnet18", weights=str(file), like=LIKE, image_size=32, **options
    )
    image = np.random.default_rng(0).integers(0, 256, (50, 61, 3), "uint8")
    layers = imaging.layers_of(recipe.settled(), training=True)
    draws = [np.asarray(inputs.apply(layers, image, key, training=True)) for key in (1, 1, 2)]
    assert draws[0].shape == (32, 32, 3)
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).mean() > 0.1
    assert np.abs(draws[0]).max() < 6  # standardized


def test_the_output_layer_is_new_and_the_rest_is_the_files(file):
    """Also where the file has as many classes."""
    recipe = training.FineTuneRecipe(
        "resnet18", weights=str(file), like=LIKE, image_size=32
    ).settled()
    keras.utils.set_random_seed(0)
    network = recipe.build(input_shape=recipe.input_shape, classes=5)
    was = values(kc.classifier("resnet18", file, like=LIKE, image_size=32).network)
    for path, value in values(network).items():
        same = np.array_equal(value, was[path])
        assert same is not path.startswith("predictions/kernel"), path


@pytest.mark.parametrize(
    ("options", "moved"),
    [
        ({}, {"kernel", "bias"}),
        ({"freeze_statistics": False}, {"kernel", "bias", "gamma", "moving_mean"}),
        ({"layers_trained": "head"}, {"predictions"}),
    ],
)
def test_what_is_trained(file, tmp_path, options, moved):
    options = {**QUICK, "learning_rate": 1e-3, **options}
    run = training.finetune("resnet18", arrays(), tmp_path / "run", file, like=LIKE, **options)
    keras.utils.set_random_seed(0)
    before = values(run.recipe.build(input_shape=(32, 32, 3), classes=3))
    changed = {path for path, value in values(run.network).items() if (value != before[path]).any()}
    found = {path.rpartition("/")[2] for path in changed if not path.startswith("predictions")}
    found |= {"predictions" for path in changed if path == "predictions/kernel"}
    assert "predictions" in found
    bodies = {"kernel", "gamma", "moving_mean"}
    assert found & bodies == moved & bodies


def test_the_start_is_that_through_the_frozen_network(file, tmp_path):
    """On features that are computed once, the output layer learns the same."""
    recipe = training.FineTuneRecipe(weights=str(file), **OF_FILE)
    recipe = dataclasses.replace(recipe, head_epochs=3, batch_size=8, head_learning_rate=0.01)
    recipe, splits = recipe.settled(), arrays().parts
    keras.utils.set_random_seed(3)
    network = recipe.build(input_shape=(32, 32, 3), classes=3)
    found, rows = recipe.beginning(network, splits, 5, 0)
    assert set(found) == {"predictions/kernel", "predictions/bias"}
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]

    for layer in network.layers:
        layer.trainable = layer.name == "predictions"
    position = inputs.Position()
    images = imaging.preprocess(recipe, None, splits["train"].images)
    targets = np.eye(3, dtype="float32")[splits["train"].labels]
    batches = inputs.array_batches(images, targets, 8, 5, position=position)
    network.compile(recipe._adamw(network, 9, 0.01, {}), recipe.loss_function())
    for position.epoch in range(3):
        network.fit(batches, shuffle=False, verbose=0)
    head = network.get_layer("predictions")
    for weight in head.weights:
        np.testing.assert_allclose(found[weight.path], weight, rtol=1e-3, atol=1e-5)
    assert np.abs(found["predictions/bias"]).max() > 0.01


class Stop(keras.callbacks.Callback):
    """Ends the second epoch after a step."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 4:
            raise RuntimeError("stopped")


def test_it_is_resumed(file, tmp_path, monkeypatch):
    """Bit for bit; the start is not computed again."""
    options = {**QUICK, "epochs": 2, "like": LIKE, "seed": 3, "layers_trained": "head"}
    data, folder = arrays(), tmp_path / "run"
    whole = training.finetune("resnet18", data, tmp_path / "whole", file, **options)
    with pytest.raises(RuntimeError, match="stopped"):
        training.finetune("resnet18", data, folder, file, callbacks=[Stop()], **options)
    assert (folder / "start.npz").is_file()
    monkeypatch.setattr(finetuning.FineTuneRecipe, "beginning", None)
    run = training.finetune("resnet18", data, folder, file, resume=True, **options)
    assert run.history == whole.history
    for path, value in values(whole.network).items():
        np.testing.assert_array_equal(values(run.network)[path], value)


def test_a_damaged_start_is_named(file, tmp_path):
    options = {**QUICK, "like": LIKE, "layers_trained": "head"}
    with pytest.raises(RuntimeError, match="stopped"):
        training.finetune(
            "resnet18", arrays(), tmp_path / "run", file, callbacks=[Fail()], **options
        )
    path = tmp_path / "run" / "start.npz"
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(ValueError, match=r"start\.npz is damaged or was changed.* computed again"):
        training.finetune("resnet18", arrays(), tmp_path / "run", file, resume=True, **options)
    path.unlink()  # as the message says
    training.finetune("resnet18", arrays(), tmp_path / "run", file, resume=True, **options)
    assert path.read_bytes() == content


class Fail(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise RuntimeError("stopped")


def test_the_output_layer_alone(file, tmp_path):
    options = {**QUICK, "epochs": 0, "like": LIKE}
    run = training.finetune("resnet18", arrays(), tmp_path / "run", file, **options)
    run = training.Run(tmp_path / "run")
    rows = run.manifest["start"]
    assert run.history["loss"] == [pytest.approx(row["loss"]) for row in rows]
    assert run.evaluate(arrays()) == run.manifest["errors"]
    accuracy = rows[-1]["val_accuracy"]
    assert run.manifest["errors"]["validation"]["percent"] == pytest.approx(
        100 - 100 * accuracy, abs=1e-3
    )


def test_digits_become_images_of_colour(digits):
    recipe = training.FineTuneRecipe("resnet18", image_size=32)
    assert recipe.refusal("digits", 1, 28) is None
    data = digits()
    train = recipe.splits(data)["train"]
    assert (train.images.shape, train.images.dtype) == ((60, 28, 28, 3), "uint8")
    assert (train.images.min(), train.images.max() > 200) == (0, True)
    np.testing.assert_array_equal(train.images[..., 0], train.images[..., 2])
    grey = np.random.default_rng(0).integers(0, 256, (8, 9, 9, 1), "uint8")
    data = datasets.wrap((grey, np.arange(8) % 2), (grey, np.arange(8) % 2))
    np.testing.assert_array_equal(recipe.splits(data)["validation"].images, np.repeat(grey, 3, -1))


def test_a_run_folder(tmp_path):
    """A network that was trained here, with the preprocessing of its recipe."""
    recipe = dataclasses.replace(training.recipe("resnet8_cifar"), epochs=1, batch_size=8)
    images = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), "uint8")
    data = datasets.wrap((images, np.arange(24) % 3), (images[:8], np.arange(8) % 3))
    first = training.train(recipe, data, tmp_path / "first", verbose=0)
    source = {"network": "resnet8_cifar", "weights": str(tmp_path / "first")}
    recipe = training.FineTuneRecipe(**source).settled()
    assert (recipe.image_size, recipe.test_side) == (32, 32)
    np.testing.assert_allclose(recipe.mean, first.mean.mean(axis=(0, 1)), rtol=1e-3)
    np.testing.assert_allclose(recipe.deviation, 1.0, rtol=1e-4)
    network = recipe.build(input_shape=(32, 32, 3), classes=5)
    was = values(first.network)
    for path, value in values(network).items():
        assert path.startswith("predictions") or np.array_equal(value, was[path])
    with pytest.raises(ValueError, match="first is a run of resnet8_cifar, and not of resnet20"):
        training.FineTuneRecipe(**{**source, "network": "resnet20_cifar"}).settled()
    with pytest.raises(ValueError, match="a run folder says its preprocessing"):
        training.FineTuneRecipe(**source, like=LIKE).settled()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0, "head_epochs": 0}, "There must be an epoch. Received: epochs=0, head_ep"),
        ({"layers_trained": "body"}, '`layers_trained` must be "all" or "head"'),
        ({"border": 0.5}, "`border` must be a number, at least 1. Received: border=0.5"),
        ({"deviation": (1.0, 0.0, 1.0)}, "`deviation` must be"),
        ({"image_size": 0}, "`image_size` must be"),
        ({"learning_rate": 0.0}, "`learning_rate` must be .* above 0"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        training.FineTuneRecipe("resnet18", **options)


def test_other_options_are_refused(tmp_path):
    with pytest.raises(TypeError, match="epoch"):
        training.finetune("resnet18", arrays(), tmp_path / "run", epoch=3)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="No weights are published for 'plain18'"):
        training.finetune("plain18", arrays(), tmp_path / "run")
    with pytest.raises(ValueError, match="colour images, and .*/lenet5-mnist reads digits"):
        training.finetune("lenet5", arrays(), tmp_path / "run")


def test_too_many_features(file, tmp_path, monkeypatch):
    monkeypatch.setattr(finetuning, "ROOM", 1000)
    with pytest.raises(ValueError, match=r"must fit into 0.0 GB.* head_epochs=0"):
        training.finetune("resnet18", arrays(), tmp_path / "run", file, like=LIKE, **QUICK)
    assert not (tmp_path / "run").exists()


PROCESS = """
import sys
sys.argv[0] = "keras-classics"
import keras_classics.__main__ as command
assert "keras" not in sys.modules
from keras_classics.applications import resnet
resnet.BLOCKS[18], resnet.WIDTHS = ("basic", (1, 1)), (16, 24)
command.run()
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the command is tested once")
def test_the_command(file, photographs, tmp_path, capsys, monkeypatch):
    from keras_classics.__main__ import main

    def run(*words):
        """In a process of its own, where the command loads what it needs."""
        done = subprocess.run(
            [sys.executable, "-c", PROCESS, *words], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    monkeypatch.chdir(tmp_path)
    flags = [f"--weights={file}", f"--like={LIKE}", "--image_size=32", "--epochs=1", "--seed=2"]
    flags += ["--head_epochs=5", "--batch_size=8", f"--data={photographs}"]
    said = run("finetune", "ResNet-18", *flags)
    assert "the center crop of 32 of the image rescaled to 37" in said
    (folder,) = pathlib.Path("runs").iterdir()
    assert folder.name == f"resnet18-finetuned-{photographs.name}-1"
    recipe = json.loads((folder / "manifest.json").read_text())["recipe"]
    assert (recipe["image_size"], recipe["head_epochs"]) == (32, 5)
    assert "0.png: " in run("predict", str(folder), str(photographs / "green" / "0.png"))
    main(["keras-classics", "finetune", "resnet18", "--help"])
    assert "--head_epochs=30" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="colour images, and .*/lenet5-mnist reads digits"):
        main(["keras-classics", "finetune", "lenet5", "--data=mnist"])
