"""The recipe for CIFAR-10, and whole runs on a few images of one colour."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import backend, training
from keras_classics.training import imaging, trainer
from tests.training import tiny


def small(name="resnet8_cifar", **changes):
    short = {"epochs": 2, "batch_size": 8, "drops_at": (6, 9)}
    return dataclasses.replace(training.recipe(name), **{**short, **changes})


def prepare(recipe, data, seed=0):
    mean, _ = imaging.mean_of(recipe, data)
    return trainer.prepare(recipe, recipe.splits(data), 2, seed=seed, mean=mean), mean


def test_the_papers_numbers():
    recipe = training.recipe("resnet_cifar")
    assert (recipe.network, recipe.batch_size, recipe.padding) == ("resnet20_cifar", 128, 4)
    assert (recipe.momentum, recipe.weight_decay, recipe.held_out) == (0.9, 1e-4, 0)


@pytest.mark.parametrize("name", ["resnet20_cifar", "plain20_cifar"])
def test_the_paper_trains_64000_steps(name):
    recipe = training.recipe(name)
    assert 64_000 <= recipe.epochs * -(-50_000 // recipe.batch_size) < 64_000 + 391
    rate = recipe.rate()
    steps = [0, 31_999, 32_000, 47_999, 48_000, 64_000]  # counted from 0
    rates = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001], rtol=1e-6)


def test_the_warm_up():
    """Section 4.2: 0.01 for about 400 steps, for 110 layers."""
    for depth, slow, first in [(110, -1, 0.01), (56, -1, 0.1), (56, 400, 0.01), (110, 0, 0.1)]:
        recipe = dataclasses.replace(training.recipe(f"resnet{depth}_cifar"), slow_steps=slow)
        rate = recipe.rate()
        np.testing.assert_allclose([float(rate(399)), float(rate(400))], [first, 0.1], rtol=1e-6)
    recipe = training.recipe("resnet_cifar")
    assert dataclasses.replace(recipe, drops_at=()).rate() == 0.1
    assert dataclasses.replace(recipe, drops_at=(), network="mine").rate() == 0.1  # of any depth


def test_a_rate_makes_as_many_steps_as_said():
    """Counted at the weights, which a gradient of 1 moves by the rate."""
    recipe = small(drops_at=(3, 5), momentum=0.0, weight_decay=0.0, learning_rate=1.0)
    weight = keras.Variable([0.0])
    rule = recipe.update_rule(8, None)
    rule.build([weight])
    moved = [0.0]
    for _ in range(8):
        rule.apply([keras.ops.ones(1)], [weight])
        moved.append(float(-weight[0]))
    expected = [1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.01]
    np.testing.assert_allclose(np.diff(moved), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [0, 12])
def test_a_run(colours, tmp_path, green_and_red, held_out):
    data = colours()
    recipe = small(held_out=held_out, epochs=6, drops_at=(24,), learning_rate=0.05)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    parts = {"held out": 12, "test": 10} if held_out else {"test": 10}
    assert {name: errors["of"] for name, errors in run.manifest["errors"].items()} == parts
    stated = {k: v for k, v in run.manifest["data"].items() if k != "splits"}
    classes = ["red", "green"]
    assert stated == {"name": "colours", "classes": classes, "train": 44 - held_out, **parts}
    assert all(errors["wrong"] == 0 for errors in run.manifest["errors"].values())
    mean = np.load(tmp_path / "run" / "mean.npy")
    np.testing.assert_allclose(mean, data.train.images[: 44 - held_out].mean(axis=0), rtol=1e-5)
    assert [first for first, _, _ in run.predict(*green_and_red)] == ["green", "red"]
    images, labels = run.pictured(data)
    np.testing.assert_allclose(images, data.validation.images - mean, atol=1e-3)
    np.testing.assert_array_equal(labels, data.validation.labels)


def test_what_the_network_sees_in_training(colours):
    """Images less their mean, then zeros around, then the crop: the border is zero, not -mean."""
    recipe, data = small(padding=4), colours()
    job, mean = prepare(recipe, data)
    images = data.train.images[:16]
    seen = keras.Sequential([keras.Input((32, 32, 3), dtype="uint8"), *job.model.layers[:-1]])
    np.testing.assert_allclose(mean, data.train.images.mean(axis=0), rtol=1e-5)
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


def test_what_the_network_sees_in_the_test(colours, green_and_red):
    """Images less their mean; those of files are rescaled and cut first."""
    recipe, data = small(), colours()
    job, mean = prepare(recipe, data)
    images, labels = tiny.as_arrays(job.validation)
    np.testing.assert_array_equal(images, data.validation.images)
    np.testing.assert_array_equal(labels, data.validation.labels)
    seen = imaging.preprocess(recipe, mean, images)
    np.testing.assert_allclose(seen, images - mean, atol=1e-3)
    seen = imaging.read(recipe, mean, green_and_red[0])
    assert seen.shape == (32, 32, 3)
    expected = np.array((60, 180, 60)) - mean.mean((0, 1))
    np.testing.assert_allclose(seen.mean((0, 1)), expected, atol=3)
    network = tiny.network((32, 32, 3), 2)
    (scores,) = imaging.predictions_of_files(recipe, network, mean, green_and_red[:1])
    np.testing.assert_allclose(scores, network.predict(seen[None], verbose=0)[0], rtol=1e-4)
    scores, given = imaging.predictions(recipe, network, mean, data.validation)
    expected = network.predict(data.validation.images - mean, verbose=0)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    np.testing.assert_array_equal(given, data.validation.labels)


def test_each_epoch_has_an_order_of_its_own(colours):
    recipe, data = small(), colours()
    job, _ = prepare(recipe, data)
    assert job.steps == 6  # the last one of four images
    assert job.model.steps_per_execution == backend.steps_per_execution(6)
    seen = []
    for job.position.epoch in range(2):
        images, labels = tiny.as_arrays(job.batches)
        assert sorted(labels) == sorted(data.train.labels)
        seen.append(images)
    assert not np.array_equal(*seen)


@pytest.mark.parametrize("synchronized", [False, True])
def test_normalizes_over_all_replicas_if_asked(synchronized, colours):
    job, _ = prepare(small(synchronized=synchronized), colours())
    layers = job.model.layers[-1].layers
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {norm.synchronized for norm in norms} == {synchronized}


def test_statistics_are_true_averages_after_training(colours):
    """Those of the moving averages, with a momentum of 0.9, follow the last ten steps."""
    recipe, data = small(epochs=1, padding=0, batch_size=44), colours()
    job, mean = prepare(recipe, data)
    network = trainer.finished(job.model, job)
    assert network is job.model.layers[-1]
    first = network.get_layer("conv1_bn")
    images = keras.ops.convert_to_tensor(
        np.concatenate([x := data.train.images - mean, x[:, :, ::-1]])
    )
    inside = keras.Model(network.input, network.get_layer("conv1").output)
    maps = keras.ops.convert_to_numpy(inside(images))
    np.testing.assert_allclose(first.moving_mean, maps.mean(axis=(0, 1, 2)), atol=0.05 * maps.std())
    np.testing.assert_allclose(first.moving_variance, maps.var(axis=(0, 1, 2)), rtol=0.03)


@pytest.mark.slow
def test_seeds_repeat(colours):
    losses = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        losses.append(tiny.fit(prepare(small(), colours(), seed)[0], 2)["loss"])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"held_out": -1}, "`held_out` must be a whole number, at least 0. Received: held_out=-1"),
        ({"epochs": 0}, "`epochs` must be a whole number, at least 1. Received: epochs=0"),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_data_that_do_not_fit_are_refused(colours):
    with pytest.raises(ValueError, match="Training needs a full batch. Received: batch_size=8"):
        small(held_out=40).splits(colours())
    message = "images of 32x32 in memory, of 3 channels: --data=cifar10. Received: "
    found = [small().refusal("mine", *size) for size in ((3, 28), (1, 32), (3, None))]
    received = ["3 channels and 28x28", "1 channel and 32x32", "3 channels and several sizes"]
    for each, words in zip(found, received, strict=True):
        assert each.endswith(f"{message}mine, of {words}")
    assert small().refusal("cifar10", 3, 32) is None


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("resnet9_cifar", "no network 'resnet9_cifar': its depth must be 6n . 2"),
        ("mine", "There is no network 'mine'.*builder=, an argument of `train`"),
    ],
)
def test_a_run_that_cannot_start_leaves_no_folder(network, message, colours, tmp_path):
    with pytest.raises(ValueError, match=message):
        training.train(small(network=network), colours(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_network_by_the_same_recipe(colours):
    """Of this library, or of one's own."""
    recipe, data = small(network="vit_mini8"), colours()
    shape = {"input_shape": recipe.input_shape, "classes": 2}
    assert recipe.build(**shape).name == training.recipe("vit_mini8").built(**shape).name
    recipe = small(network="mine")
    mean, _ = imaging.mean_of(recipe, data)
    splits = recipe.splits(data)
    job = trainer.prepare(recipe, splits, 2, mean=mean, builder=tiny.network)
    assert job.model.layers[-1].name == "tiny"
    with pytest.raises(ValueError, match="must have one output, or one of the name 'predictions'"):
        trainer.prepare(recipe, splits, 2, mean=mean, builder=tiny.of_two_outputs)
