"""The recipe of cuda-convnet: what its networks see, its step, and a run on images of noise."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import preprocessing, training
from keras_classics.training import imaging, trainer


def small(name="cuda_convnet_11pct", **changes):
    short = {"epochs": 3, "last_epochs": (1,), "batch_size": 16}
    return dataclasses.replace(training.recipe(name), **short | changes)


@pytest.mark.parametrize(("name", "side"), [("13pct", 24), ("80sec", 32)])
def test_the_center_of_the_mean_image_is_subtracted(colours, name, side):
    """Of the images that train; wherever a crop is cut out; as in convdata.py."""
    data, recipe = colours(), small(f"cuda_convnet_{name}", held_out=12)
    mean, _ = imaging.mean_of(recipe, data)
    border = (32 - side) // 2
    center = slice(border, border + side)
    train = recipe.splits(data)["train"].images
    np.testing.assert_allclose(mean, train.mean(axis=0)[center, center], rtol=1e-5)

    (*crops, subtract) = imaging.layers_of(recipe, training=True, mean=mean)
    images = train[:8]
    if crops:
        (crop,) = crops
        images = crop(images, training=True)
        found = {image.tobytes() for image in np.asarray(keras.ops.convert_to_numpy(images))}
        central = train[:8, center, center].astype("float32")
        assert not found & {image.tobytes() for image in central}  # cut elsewhere, or mirrored
    seen = keras.ops.convert_to_numpy(subtract(images))
    np.testing.assert_allclose(seen, keras.ops.convert_to_numpy(images) - mean, atol=1e-3)
    at_rest = recipe.splits(data)["test"].images
    np.testing.assert_allclose(
        imaging.preprocess(recipe, mean, at_rest), at_rest[:, center, center] - mean, atol=1e-3
    )


def test_two_steps_by_hand(colours):
    """By the lines of weights.cuh, for each layer with its decay; the biases at twice the rate."""
    given = (0.4, 0.3, 0.2, 0.5, 0.6)
    recipe = small("cuda_convnet_80sec", learning_rate=0.01, weight_decays=given)
    data = colours()
    mean, _ = imaging.mean_of(recipe, data)
    job = trainer.prepare(recipe, recipe.splits(data), 2, seed=1, mean=mean)
    images, labels = data.train.images[:16] - mean, data.train.labels[:16]
    weights = [np.array(w, "float64") + (w.ndim == 1) for w in job.model.get_weights()]
    job.model.set_weights(weights)
    velocities = [np.zeros_like(w) for w in weights]
    for _ in range(2):
        plain = keras.models.clone_model(job.model)
        plain.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
        plain.set_weights(weights)
        before = plain.get_weights()
        plain.train_on_batch(images, labels)
        gradients = [a - b for a, b in zip(before, plain.get_weights(), strict=True)]
        for i, (decay, g) in enumerate(zip(np.repeat(given, 2), gradients, strict=True)):
            is_bias = i % 2
            rate = 0.02 if is_bias else 0.01
            pull = 0 if is_bias else decay * weights[i]
            velocities[i] = 0.9 * velocities[i] - rate * (g + pull)
            weights[i] = weights[i] + velocities[i]
        job.model.train_on_batch(images, labels)
    for found, expected in zip(job.model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_switches_reach_the_network():
    recipe = small(activation="tanh", lrn=False, overlapping_pooling=False)
    network = recipe.build(input_shape=recipe.input_shape, classes=3)
    assert network.get_layer("conv1").activation is keras.activations.tanh
    assert "rnorm1" not in [layer.name for layer in network.layers]
    assert network.get_layer("pool1").pool_size == (2, 2)


def test_networks_of_ones_own_are_trained_as_80sec():
    recipe = dataclasses.replace(training.recipe("cuda_convnet"), network="mine").settled()
    assert (recipe.epochs, recipe.image_size, recipe.last_epochs) == (10, 32, (2,))


def test_numbers_that_are_given_stay():
    recipe = small(weight_decays=(0, 0, 0, 0, 0.5)).settled()
    assert (recipe.epochs, recipe.last_epochs) == (3, (1,))
    assert recipe.weight_decays == (0, 0, 0, 0, 0.5)
    rates = [float(recipe.rate(12)(step)) for step in (0, 7, 8, 11)]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-4], rtol=1e-5)


def test_a_run(colours, tmp_path, green_and_red):
    """It is tested by ten views, and by the center alone if asked."""
    data, recipe = colours(), small(held_out=12, learning_rate=0.01)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe.settled()
    assert again.manifest["data"]["held out"] == 12
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    assert again.recipe.protocol() == "ten views of 24x24, averaged"
    assert len(list(run.predict(*green_and_red))) == 2

    images = data.validation.images
    average = []
    for part in np.moveaxis(
        keras.ops.convert_to_numpy(preprocessing.ten_crop(images.astype("float32"), 24)), 1, 0
    ):
        average.append(run.network.predict(part - run.mean, verbose=0))
    found, _ = imaging.predictions(recipe, run.network, run.mean, data.validation)
    np.testing.assert_allclose(found, np.mean(average, axis=0), rtol=1e-4, atol=1e-6)
    center = dataclasses.replace(recipe, views="center")
    found, _ = imaging.predictions(center, run.network, run.mean, data.validation)
    np.testing.assert_allclose(found, average[4], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "epochs", "last"),
    [
        ("80sec", 10, (2,)),
        ("80sec", 20, (4,)),
        ("80sec", 2, (1,)),
        ("80sec", 1, ()),
        ("11pct", 520, (10, 10)),
        ("11pct", 52, (1, 1)),
        ("11pct", 3, (1, 1)),
        ("11pct", 2, (1,)),
    ],
)
def test_the_last_epochs_are_in_proportion(network, epochs, last):
    recipe = dataclasses.replace(training.recipe(f"cuda_convnet_{network}"), epochs=epochs)
    assert recipe.settled().last_epochs == last
    rate = recipe.rate(10 * epochs)
    at_the_end = float(rate(10 * epochs - 1) if last else rate)
    assert at_the_end == pytest.approx(0.001 * 0.1 ** len(last))
