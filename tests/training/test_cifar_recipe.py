"""The recipe for CIFAR-10, and whole runs on a few images of one colour."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets, training

CLASSES = ("red", "green")


@pytest.fixture(scope="module")
def data():
    """Red and green images with noise: 44 to train on, 10 to test."""
    rng = np.random.default_rng(0)

    def split(n):
        labels = (np.arange(n) % 2).astype("int32")
        colours = np.array([(180, 60, 60), (60, 180, 60)])[labels]
        noise = rng.integers(-50, 50, (n, 32, 32, 3))
        return datasets.Arrays((colours[:, None, None] + noise).astype("uint8"), labels)

    return datasets.Images("colours", CLASSES, split(44), split(10))


def small(name="resnet-cifar", **changes):
    short = {"depth": 8, "passes": 2, "batch_size": 8, "drops_at": (6, 9)}
    return dataclasses.replace(training.RECIPES[name], **{**short, **changes})


@pytest.mark.parametrize("name", ["resnet-cifar", "plain-cifar"])
def test_the_paper_trains_64000_steps(name):
    recipe = training.RECIPES[name]
    assert 64_000 <= recipe.passes * -(-50_000 // recipe.batch_size) < 64_000 + 391
    rate = recipe.rate()
    steps = [0, 31_999, 32_001, 47_999, 48_001, 64_000]
    rates = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001], rtol=1e-6)


def test_the_warm_up():
    """Section 4.2: 0.01 for about 400 steps, for 110 layers."""
    for depth, warm_up, first in [(110, -1, 0.01), (56, -1, 0.1), (56, 400, 0.01), (110, 0, 0.1)]:
        rate = training.RECIPES["resnet-cifar"]
        rate = dataclasses.replace(rate, depth=depth, warm_up=warm_up).rate()
        np.testing.assert_allclose([float(rate(399)), float(rate(401))], [first, 0.1], rtol=1e-6)
    assert dataclasses.replace(training.RECIPES["resnet-cifar"], drops_at=()).rate() == 0.1


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [0, 12])
def test_a_run(data, tmp_path, held_out):
    recipe = small(held_out=held_out, passes=6, drops_at=(24,), learning_rate=0.05)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    again = training.Run(tmp_path / "run")
    assert again.recipe.build(2).count_params() == recipe.build(2).count_params()
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    parts = {"held out": 12, "test": 10} if held_out else {"test": 10}
    assert {name: errors["of"] for name, errors in run.manifest["errors"].items()} == parts
    assert run.manifest["data"] == {
        "name": "colours",
        "classes": list(CLASSES),
        "train": 44 - held_out,
        **parts,
    }
    assert all(errors["wrong"] == 0 for errors in run.manifest["errors"].values())
    mean = np.load(tmp_path / "run" / "mean.npy")
    np.testing.assert_allclose(mean, data.train.images[: 44 - held_out].mean(axis=0), rtol=1e-5)

    paths = []
    for colour, name in [((60, 180, 60), "green"), ((180, 60, 60), "red")]:
        paths.append(tmp_path / f"{name}.png")
        noise = np.random.default_rng(1).integers(-50, 50, (64, 90, 3))
        Image.fromarray((np.array(colour) + noise).astype("uint8")).save(paths[-1])
    assert [first for first, _, _ in run.predict(*paths)] == ["green", "red"]


def test_what_the_network_sees_in_training(data, tmp_path):
    """Images less their mean, then zeros around, then the crop: the border is zero, not -mean."""
    recipe = small(padding=4)
    model, _ = recipe.prepare(data, 0, tmp_path)
    images = data.train.images[:16]
    seen = keras.Sequential([keras.Input((32, 32, 3), dtype="uint8"), *model.layers[:-1]])
    mean = data.train.images.mean(axis=0)
    at_rest = keras.ops.convert_to_numpy(seen(images))
    np.testing.assert_allclose(at_rest, images - mean, atol=1e-3)
    moved = keras.ops.convert_to_numpy(seen(images, training=True))
    padded = np.pad(images - mean, [(0, 0), (4, 4), (4, 4), (0, 0)])
    places = set()
    for image, crop in zip(padded, moved, strict=True):
        found = [
            (top, left, mirror)
            for top in range(9)
            for left in range(9)
            for mirror in (False, True)
            if np.allclose(
                image[top : top + 32, left : left + 32][:, :: -1 if mirror else 1], crop, atol=1e-3
            )
        ]
        assert len(found) == 1
        places |= set(found)
    assert len(places) > 8


def test_statistics_are_true_averages_after_training(data, tmp_path):
    """Those of the moving averages, with a momentum of 0.9, follow the last ten steps."""
    recipe = small(passes=1, padding=0, batch_size=44)
    model, fit = recipe.prepare(data, 0, tmp_path)
    network = recipe.trained(model, fit["x"])
    assert network is model.layers[-1]
    first = network.get_layer("conv1_bn")
    images = keras.ops.convert_to_tensor(
        np.concatenate([x := data.train.images - np.load(tmp_path / "mean.npy"), x[:, :, ::-1]])
    )
    inside = keras.Model(network.input, network.get_layer("conv1").output)
    maps = keras.ops.convert_to_numpy(inside(images))
    np.testing.assert_allclose(first.moving_mean, maps.mean(axis=(0, 1, 2)), atol=0.05 * maps.std())
    np.testing.assert_allclose(first.moving_variance, maps.var(axis=(0, 1, 2)), rtol=0.03)


@pytest.mark.slow
def test_seeds_repeat(data, tmp_path):
    runs = [
        training.train(small(), data, tmp_path / f"{k}", seed, verbose=0)
        for k, seed in enumerate((3, 3, 4))
    ]
    losses = [run.history["loss"] for run in runs]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "resnet"}, "`network` must be one of resnet-cifar, plain-cifar"),
        ({"passes": 0}, "`passes` and `batch_size` must be at least 1.*Received: 0, 8, 0"),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_data_that_do_not_fit_are_refused(data):
    with pytest.raises(ValueError, match="Training needs a full batch. Received: batch_size=8"):
        small(held_out=40).splits(data)
    images = datasets.Arrays(np.zeros((9, 28, 28, 3), "uint8"), np.zeros(9, "int32"))
    digits = datasets.Images("others", CLASSES, images, images)
    with pytest.raises(ValueError, match="images of 32x32 in memory: --data=cifar10. Received: ot"):
        small().splits(digits)


def test_a_run_that_cannot_start_leaves_no_folder(data, tmp_path):
    with pytest.raises(ValueError, match="6n . 2.*Received: depth=9"):
        training.train(small(depth=9), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
