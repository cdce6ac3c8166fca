"""What a training refuses before its first step, and before there is a folder."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import datasets, training
from keras_classics.training import admission
from tests.training import tiny


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": "lenet5"}, r"`recipe` must be a recipe, as .*Received: recipe=.lenet5."),
        ({"data": "mnist"}, r"`data` must be a data set: datasets.load.*Received: data='mnist'"),
        ({"data": ((1, 2), (3, 4))}, r"`data` must be .*datasets.wrap.*Received: data=\(\(1, 2\)"),
        ({"run_dir": None}, "`run_dir` must be a path. Received: run_dir=None"),
        ({"seed": -1}, "`seed` must be a whole number from 0 to 4294967295. Received: seed=-1"),
        ({"seed": 0.5}, "`seed` must be .*Received: seed=0.5"),
        ({"early_stopping": 0}, "`early_stopping` must be None or a whole number, at least 1"),
        ({"verbose": 3}, "`verbose` must be True or False, or 2 or .auto.. Received: verbose=3"),
        ({"strategy": 5}, "`strategy` must be the name of a strategy, or what training.strategy"),
        ({"best": "yes"}, "`best` must be True or False"),
        ({"callbacks": [print]}, "`callbacks` must be a list of Keras callbacks"),
        ({"builder": "vgg16"}, "`builder` must be None or a function of input_shape and classes"),
    ],
)
def test_arguments(changes, message, colours, tmp_path):
    folder = tmp_path / "run"
    arguments = {"recipe": tiny.Tiny(), "data": colours(), "run_dir": folder} | changes
    with pytest.raises(ValueError, match=message):
        training.train(**arguments)
    assert not folder.exists()


def test_data_of_another_kind(colours, digits, tmp_path):
    grey = np.zeros((4, 32, 32, 1), "uint8"), [0, 1, 0, 1]
    grey = datasets.wrap(grey, grey, name="grey")
    for name, data, message in [
        ("resnet20_cifar", digits(), "32x32 in memory.*Received: easy, of 1 channel and 28x28"),
        ("resnet20_cifar", grey, "of 3 channels.*Received: grey, of 1 channel and 32x32"),
        ("alexnet", digits(), "alexnet trains on images of 3 channels.*Received: easy, of 1 chan"),
        ("lenet5", colours(), "lenet5 trains on digits.*Received: colours, of 3 channels"),
        ("lenet5", grey, "lenet5 trains on digits, `datasets.Digits`.*Received: grey"),
    ]:
        with pytest.raises(ValueError, match=message):
            training.train(training.recipe(name), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_network_is_tested_on_its_classes(colours):
    admission.refuse_data(tiny.Tiny(), colours(), ["red", "green"])
    for classes in (["green", "red"], ["red", "green", "blue"]):
        with pytest.raises(ValueError, match=f"knows {len(classes)} classes.*Received: colours wi"):
            admission.refuse_data(tiny.Tiny(), colours(), classes)


def of(*shapes, **dense):
    """A builder of a network with outputs of so many units."""

    def build(input_shape, classes):
        image = keras.Input(input_shape)
        x = keras.layers.GlobalAveragePooling2D()(image)
        outputs = [keras.layers.Dense(units, **dense)(x) for units in shapes]
        return keras.Model(image, outputs if len(outputs) > 1 else outputs[0], name="mine")

    return build


def not_finite(input_shape, classes):
    network = tiny.network(input_shape, classes)
    network.layers[-1].bias.assign([0.0, np.nan])
    return network


def of_maps(input_shape, classes):
    image = keras.Input(input_shape)
    return keras.Model(image, keras.layers.Conv2D(classes, 1)(image))


NETWORKS = [
    (lambda **shape: None, "`builder` must return a keras.Model. Received: None"),
    (of(3, activation="softmax"), r"output of the shape \(None, 2\).*mine with outputs.*None, 3"),
    (of(1, activation="sigmoid"), r"output of the shape \(None, 2\).*mine with outputs.*None, 1"),
    (of(2, 2, activation="softmax"), r"or several such by their names.*\[\(None, 2\), \(None, 2"),
    (of_maps, r"a score for each class.*outputs of the shapes \[\(None, 8, 8, 2\)"),
    (of(2), "loss takes probabilities.*Received: the output layer .* with the activation linear"),
    (of(2, activation="relu"), "loss takes probabilities.*with the activation relu"),
    (lambda **shape: tiny.network((9, 9, 3), 2), r"image of the shape \(8, 8, 3\).*None, 9, 9, 3"),
    (not_finite, "weights must be finite.*Received: .*bias of tiny with 1 that are not"),
]


@pytest.mark.parametrize(("builder", "message"), NETWORKS)
def test_networks_that_cannot_be_trained(builder, message):
    recipe = tiny.Tiny()
    network = recipe.build_by(builder, input_shape=recipe.input_shape, classes=2)
    with pytest.raises(ValueError, match=message):
        admission.refuse_network(network, recipe, 2)


def test_such_a_network_leaves_no_folder(colours, tmp_path):
    with pytest.raises(ValueError, match="loss takes probabilities"):
        training.train(tiny.Tiny(), colours(8), tmp_path / "run", builder=of(2))
    assert not (tmp_path / "run").exists()


def test_networks_that_can_be_trained():
    """Whatever Keras does not know of them is not guessed."""

    class Own(keras.Model):
        def call(self, images):
            return images

    recipe = tiny.Tiny()
    for network in [
        *(of(2, activation=f)(recipe.input_shape, 2) for f in ("softmax", "sigmoid", lambda x: x)),
        tiny.of_two_outputs(recipe.input_shape, 2),
        tiny.network((None, None, 3), 2),
        keras.Sequential([tiny.network(recipe.input_shape, 2)]),
        Own(),
    ]:
        admission.refuse_network(network, recipe, 2)


@pytest.mark.parametrize(
    ("loss", "activation", "fits"),
    [
        (keras.losses.SparseCategoricalCrossentropy(), None, False),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), None, True),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), "softmax", False),
        (keras.losses.CategoricalCrossentropy(), "tanh", False),
        (keras.losses.MeanSquaredError(), "tanh", True),
        ("mse", None, True),
        ("categorical_crossentropy", None, False),
    ],
)
def test_losses_and_activations(loss, activation, fits):
    class Recipe(tiny.Tiny):
        def loss_function(self):
            return loss

    network = of(2, activation=activation)((8, 8, 3), 2)
    if fits:
        return admission.refuse_network(network, Recipe(), 2)
    with pytest.raises(ValueError, match="The loss takes"):
        admission.refuse_network(network, Recipe(), 2)


def test_every_recipe_takes_its_own_network():
    """Of two recipes whose loss and head are unlike the others'."""
    for name, changes in [
        ("lenet5", {}),
        ("lenet5", {"loss": "crossentropy"}),
        ("lenet5", {"head": "softmax", "loss": "crossentropy"}),
        ("lecun1989", {}),
    ]:
        recipe = dataclasses.replace(training.recipe(name), **changes)
        network = recipe.build(input_shape=recipe.input_shape, classes=10)
        admission.refuse_network(network, recipe, 10)
