"""Each argument of each public constructor and builder: what has no meaning is refused by name."""

import inspect
import re

import keras
import numpy as np
import pytest

from keras_classics import applications, initializers, layers, losses, names, optimizers
from tests.layers.test_contract import TABLE

NAN, INF = float("nan"), float("inf")
SENSELESS = (NAN, INF, b"x", {1: 2}, object(), [None], [[]])
ODD = (None, -1, 0, 1.5, "x", [], (1, 2, 3), True, np.ones((2, 2)), *SENSELESS)

CLASSES = {cls: row[0] for cls, row in TABLE.items()} | {
    optimizers.CoupledSGD: {},
    optimizers.EstimateCurvature: {"images": np.zeros((3, 4, 4, 1))},
    optimizers.StochasticDiagonalLM: {},
    optimizers.WarmUp: {
        "schedule": keras.optimizers.schedules.CosineDecay(1.0, 10),
        "steps": 3,
    },
    losses.MaximumLikelihood: {},
    losses.MaximumAPosteriori: {"j": 1.0},
    losses.SigmoidCrossentropy: {},
    initializers.FanInUniform: {},
}
BUILDERS = {network.builder: network.arguments for network in names.NETWORKS.values()}
CHECKED_BY_THE_BUILDER = {"variant"}
ANY_TEXT = {"name", "weights"}


def parameters(function):
    return [
        name
        for name, each in inspect.signature(function).parameters.items()
        if name != "self" and each.kind is not each.VAR_KEYWORD
    ]


def is_refused(call, name):
    """Whether a call is refused in our words. Any other error is raised again."""
    try:
        call()
    except ValueError as error:
        if not re.search(rf"`{name}`.* Received: ", str(error)):
            raise
        return True
    return False


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_constructors(cls):
    for name in parameters(cls.__init__):
        assert name in cls.__init__.rules, f"{cls.__name__} has no rule for {name}"
        for value in ODD:
            refused = is_refused(lambda v=value, n=name: cls(**{**CLASSES[cls], n: v}), name)
            assert refused or not any(value is each for each in SENSELESS), (name, value)
            assert refused or not isinstance(value, str) or name in ANY_TEXT, (name, value)


@pytest.mark.parametrize("builder", BUILDERS)
def test_builders(builder):
    """Only what is refused is called: that builds no network."""
    build, given = getattr(applications, builder), BUILDERS[builder]
    for name in parameters(build):
        rule = build.rules.get(name)
        assert rule or name in CHECKED_BY_THE_BUILDER, f"{builder} has no rule for {name}"
        for value in ODD:
            if rule and rule.holds(value):
                assert not any(value is each for each in SENSELESS), (name, value)
                assert not isinstance(value, str) or name in ANY_TEXT, (name, value)
            else:
                assert is_refused(lambda v=value, n=name: build(**{**given, n: v}), name)


def test_the_names_that_people_type_refuse_alike():
    for build in (applications.ResNet50, applications.VGG16, applications.ViTB16):
        with pytest.raises(ValueError, match="`classes` must be a whole number, at least 1. Rece"):
            build(classes=0)
        with pytest.raises(ValueError, match=r"`input_shape` must be \(height.*input_shape=224"):
            build(input_shape=224)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.BatchNormalization(epsilon=-1), "`epsilon` must be a number, at least 0"),
        (lambda: layers.MapConv2D(1, 3, [[0]], strides=1.5), "`strides` must be a whole number"),
        (lambda: applications.LeNet5(classes=0), "`classes` must be a whole number, at least 1"),
        (lambda: applications.LeNet5(input_shape=(32, 32)), "`input_shape` must be .height, width"),
        (lambda: applications.AlexNet(pooling="mean"), '`pooling` must be None, "avg" or "max"'),
        (lambda: applications.vgg.grow(None, "B"), "`model` must be a keras.Model"),
        (lambda: layers.resize_positions(np.ones((4, 2)), (1, 0)), "`grid` must be a pair of who"),
        (lambda: layers.ascii_codes(5), "`characters` must be text"),
        (lambda: layers.RBFOutput(2, [[1, 2], [1]]), "`codes` must be None or numbers of the shap"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ValueError, match=f"{message}.* Received: "):
        make()


@pytest.mark.parametrize(
    "layer",
    [
        layers.AveragePooling2D(3, 2, "valid"),
        layers.OverlappingMaxPooling2D(),
        layers.ScaledSubsampling2D(3),
        layers.MapConv2D(1, 3, [[0]]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_maps_smaller_than_the_window(layer):
    for shape in ((1, 2, 5, 1), (1, 5, 2, 1)):
        with pytest.raises(ValueError, match=r"as large as the window \(3, 3\). Received: maps of"):
            type(layer).from_config(layer.get_config())(np.ones(shape, "float32"))
    assert layer(np.ones((1, 3, 3, 1), "float32")).shape == (1, 1, 1, 1)


def test_integers_are_convolved_as_numbers():
    """A standardized kernel, rounded to integers, would be 0."""
    images = np.random.default_rng(0).integers(0, 256, (1, 5, 5, 3))
    layer = layers.StandardizedConv2D(4, 3)
    expected = keras.ops.convert_to_numpy(layer(images.astype("float32")))
    found = keras.ops.convert_to_numpy(layer(images.astype("int32")))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.abs(found).max() > 1


@pytest.mark.parametrize("name", ["scaled_tanh", "gelu_tanh", "relu"])
def test_activations_of_this_library_have_names_in_all_layers(name):
    for cls, row in CLASSES.items():
        if "activation" in row:
            layer = cls(**{**row, "activation": name})
            assert layer.activation.__name__ == name
            assert cls.from_config(layer.get_config()).activation is layer.activation
