"""Functions of one model's layers, given a model that holds another one."""

import keras
import numpy as np
import pytest

import keras_classics as kc
from keras_classics import analysis, applications, preprocessing

IMAGE = np.zeros((1, 16, 16, 3), "float32")
OF_GRAPHS = {
    "fuse": kc.fuse,
    "features": kc.features,
    "attention_maps": lambda model: analysis.attention_maps(model, IMAGE),
    "count": analysis.count,
    "report": lambda model: analysis.report(model, "resnet20_cifar"),
}


WRAPPED = ("fuse", "features")  # which take a classifier, too: see `test_classifier.py`


@pytest.fixture(scope="module")
def network():
    return applications.ResNetCIFAR(8, classes=2, input_shape=(16, 16, 3), pooling="avg")


@pytest.mark.parametrize("function", [name for name in OF_GRAPHS if name not in WRAPPED])
def test_a_classifier(network, function):
    layer = preprocessing.ClassifierInput(16, 16)
    model = kc.Classifier(network, layer, [("c", "cat"), ("d", "dog")])
    with pytest.raises(ValueError, match=r"take `model\.get_layer\('resnet8_cifar'\)` .*Received"):
        OF_GRAPHS[function](model)


def within(network):
    inputs = keras.Input((16, 16, 3))
    scores = network(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(3)(scores))


@pytest.mark.parametrize(
    "function",
    [
        *(OF_GRAPHS[name] for name in OF_GRAPHS if name not in WRAPPED),
        lambda model: kc.features(model, ["conv3_x"]),
        lambda model: applications.vgg.grow(model, "B"),
        lambda model: applications.vgg.dense(model),
        lambda model: applications.vit.fine_tune(model, classes=2),
        lambda model: analysis.layer_responses({"a": model}, IMAGE),
    ],
)
def test_a_model_within_a_model(network, function):
    with pytest.raises(ValueError, match=r"take `model\.get_layer\('resnet8_cifar'\)`"):
        function(within(network))


def test_fused_all_the_same(network):
    """`fuse` goes into models within a model."""
    assert len(kc.fuse(within(network)).get_layer("resnet8_cifar").layers) < len(network.layers)


def test_no_words_where_there_is_no_model_within():
    with pytest.raises(ValueError, match=r"how the layers connect\. Received"):
        kc.fuse(keras.Sequential([keras.layers.Dense(2)]))
