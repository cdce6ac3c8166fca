"""The pyramid of a network, against the stages that the papers name."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_classics import backend
from keras_classics.applications import (
    VGG,
    AlexNet,
    GoogLeNet,
    ResNet18,
    ResNetCIFAR,
    ViT,
)
from keras_classics.surgery import features

rng = np.random.default_rng(0)


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def pyramid(builder, *args, **kwargs):
    """The names and shapes of the levels; the network has shapes only."""
    model = backend.without_values(lambda: features(builder(*args, weights=None, **kwargs)))
    return {name: output.shape[1:] for name, output in model.output.items()}


VGG_A = {"conv3_2": 256, "conv4_2": 512, "conv5_2": 512, "pool5": 512}
GOOGLENET = {"lrn2": 192, "inception_3b": 480, "inception_4e": 832, "inception_5b": 1024}
RESNET50 = {
    "conv2_block3_out": 256,
    "conv3_block4_out": 512,
    "conv4_block6_out": 1024,
    "conv5_block3_out": 2048,
}
# The shortcut of a stage's first block starts before its preactivation.
RESNET50_V2 = {
    "conv2_block2_out": 256,
    "conv3_block3_out": 512,
    "conv4_block5_out": 1024,
    "post_relu": 2048,
}
MOBILENET_V2 = {
    "block_3_expand_relu": 144,
    "block_6_expand_relu": 192,
    "block_13_expand_relu": 576,
    "out_relu": 1280,
}


def vgg_a(**kwargs):
    return VGG("A", **kwargs)


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        (vgg_a, VGG_A),
        (GoogLeNet, GOOGLENET),
        (keras.applications.ResNet50, RESNET50),
        (keras.applications.ResNet50V2, RESNET50_V2),
        (keras.applications.MobileNetV2, MOBILENET_V2),
    ],
)
def test_stages(builder, expected):
    """With a top and without, of images of known and unknown size, higher than wide or not."""

    def shapes(height, width):
        return {
            name: (height and height // stride, width and width // stride, channels)
            for (name, channels), stride in zip(expected.items(), (4, 8, 16, 32), strict=True)
        }

    assert pyramid(builder, input_shape=(96, 64, 3)) == shapes(96, 64)
    assert pyramid(builder, input_shape=(64, 96, 3), include_top=False) == shapes(64, 96)
    for height, width in [(None, None), (None, 160)][: 2 if builder is vgg_a else 1]:
        unknown = pyramid(builder, input_shape=(height, width, 3), include_top=False)
        assert unknown == shapes(height, width)


def test_resnet():
    expected = {f"conv{i}_x": (64 // 2**i, 96 // 2**i, 16 * 2**i) for i in (2, 3, 4, 5)}
    assert pyramid(ResNet18, input_shape=(64, 96, 3)) == expected
    expected = {"conv2_x": (16, 24, 16), "conv3_x": (8, 12, 32), "conv4_x": (4, 6, 64)}
    assert pyramid(ResNetCIFAR, 8, input_shape=(16, 24, 3)) == expected


def test_alexnet():
    """Its maps are a little smaller than the image over the stride."""
    assert pyramid(AlexNet, input_shape=(227, 259, 3)) == {
        "lrn1": (55, 63, 96),
        "lrn2": (27, 31, 256),
        "conv5": (13, 15, 256),
        "pool5": (6, 7, 256),
    }


def test_auxiliary_classifiers_are_no_level():
    for shape in [(128, 96, 3), (224, 224, 3), (256, 320, 3)]:
        assert list(pyramid(GoogLeNet, auxiliary=True, input_shape=shape)) == list(GOOGLENET)


def block(x, filters, name):
    """A residual block whose second convolution has the stride, as many libraries have it."""
    y = layers.ReLU(name=f"{name}_1")(layers.Conv2D(8, 1)(x))
    y = layers.Conv2D(filters, 3, 2, padding="same")(y)
    return layers.Add(name=f"{name}_out")([y, layers.Conv2D(filters, 1, 2)(x)])


def test_the_inside_of_a_block_is_no_level():
    image = keras.Input((32, 48, 1))
    x = layers.Conv2D(4, 4, 4, name="stem")(image)
    for filters, name in [(5, "a"), (6, "b")]:
        x = block(x, filters, name)
    x = layers.ZeroPadding2D(1, name="b_pad")(x)
    x = layers.GlobalAveragePooling2D()(x)
    assert list(features(keras.Model(image, x)).output) == ["stem", "a_out", "b_out"]


def test_values_are_those_inside_the_model():
    """Of a sequential model, where a layer is applied twice, and where models are nested."""
    inner = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(3, 2, 2, name="inside")], name="inner"
    )
    twice = layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    image = keras.Input((16, 24, 3))
    halves = inner(image)
    quarters = twice(twice(layers.AveragePooling2D(2)(halves)))
    model = keras.Model(image, layers.GlobalMaxPooling2D()(quarters))

    x = rng.normal(size=(2, 16, 24, 3)).astype("float32")
    half = numpy(inner(x))
    quarter = numpy(twice(twice(half.reshape(2, 4, 2, 6, 2, 3).mean((2, 4)))))
    assert quarter.std() > 0.01
    result = features(model)(x)
    assert list(result) == ["inner", "twice"]
    np.testing.assert_allclose(numpy(result["twice"]), quarter, rtol=1e-4, atol=1e-6)
    result = features(model, ["inner", "twice"])(x)
    assert list(result) == ["inner", "twice"]
    np.testing.assert_allclose(numpy(result["inner"]), half, rtol=1e-5, atol=1e-6)

    sequential = keras.Sequential([keras.Input((16, 24, 3)), inner, layers.MaxPooling2D()])
    shapes = [output.shape for output in features(sequential).output.values()]
    assert shapes == [(None, 8, 12, 3), (None, 4, 6, 3)]


def test_names():
    def build():
        model = VGG("A", input_shape=(32, 64, 3), classes=3)
        return model, features(model, ["fc7", "conv1_1"])

    model, chosen = backend.without_values(build)
    assert {name: output.shape[1:] for name, output in chosen.output.items()} == {
        "fc7": (4096,),
        "conv1_1": (32, 64, 64),
    }
    assert chosen.get_layer("conv1_1") is model.get_layer("conv1_1")


def test_training_through_the_pyramid_trains_the_model():
    image = x = keras.Input((16, 24, 3))
    for name in ("a", "b", "c"):
        x = layers.Conv2D(4, 3, 2, padding="same", name=name)(x)
    model = keras.Model(image, x)
    pyramid = features(model)
    assert list(pyramid.output) == ["a", "b", "c"]
    outputs = [layers.GlobalAveragePooling2D()(level) for level in pyramid.output.values()]
    detector = keras.Model(pyramid.input, layers.Dense(1)(layers.Concatenate()(outputs)))
    before = model.get_weights()
    detector.compile("sgd", "mse")
    x = rng.normal(size=(2, 16, 24, 3)).astype("float32")
    detector.fit(x, np.ones((2, 1)), verbose=0)
    assert len(before) == 6
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    np.testing.assert_allclose(numpy(pyramid(x)["c"]), numpy(model(x)), rtol=1e-5)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def test_wrong_arguments():
    for model in (Subclassed(), keras.Sequential([layers.Conv2D(3, 4)])):
        with pytest.raises(ValueError, match="must be a functional model.*Received: model=<"):
            features(model)
    vgg = backend.without_values(VGG, "A", input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"near ones: conv3_2.*Received: 'conv3_3' in names="):
        features(vgg, ["pool1", "conv3_3"])
    with pytest.raises(ValueError, match="near ones: none"):
        features(vgg, ["q"])
    vector = keras.Input((8,))
    with pytest.raises(ValueError, match=r"must take images.*\(None, 8\)"):
        features(keras.Model(vector, layers.Dense(2)(vector)))
    image = keras.Input((8, 8, 1))
    flat = keras.Model(image, layers.Dense(2)(layers.Flatten()(image)))
    with pytest.raises(ValueError, match="must have maps.*between layers"):
        features(flat)


def test_a_transformer_has_tokens():
    """No maps, but outputs by name; a hybrid has the maps of its ResNet, to stride 16."""
    model = ViT("Mini/4", input_shape=(8, 12, 3))
    with pytest.raises(ValueError, match="must have maps.*take `names` for other outputs"):
        features(model)
    output = features(model, ["encoder_block_2", "encoder_norm"]).output
    shapes = {name: tensor.shape[1:] for name, tensor in output.items()}
    assert shapes == {"encoder_block_2": (7, 128), "encoder_norm": (128,)}
    expected = {
        "conv_root_relu": (32, 48, 64),
        "conv2_x": (16, 24, 256),
        "conv3_x": (8, 12, 512),
        "conv4_x": (4, 6, 1024),
    }
    found = pyramid(lambda **kwargs: ViT("R50+Mini/16", **kwargs), input_shape=(64, 96, 3))
    assert found == expected
