"""Receptive fields against the gradients of networks that are made linear, and known values."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_classics import backend, graphs
from keras_classics.analysis import count, depth
from keras_classics.applications import (
    VGG,
    AlexNet,
    CudaConvNet,
    GoogLeNet,
    LeCun1989,
    LeNet1,
    LeNet5,
    ResNet18,
    ResNet50,
    ResNetCIFAR,
    ViT,
    resnet,
)
from keras_classics.layers import ConstantPadding2D, LocalResponseNormalization
from tests import small

numpy = keras.ops.convert_to_numpy


def fields(model):
    """`(receptive_field, stride, padding)` of each layer."""
    return {row.name: (row.receptive_field, row.stride, row.padding) for row in count(model)}


def make_positive(model):
    """Gives all kernels the value of a mean, so that no path is dead and nothing grows."""
    for weight in model.weights:
        if weight.name in ("kernel", "coefficient"):
            weight.assign(keras.ops.full(weight.shape, 1 / np.prod(weight.shape[:-1])))
        elif weight.name == "bias":
            weight.assign(keras.ops.zeros(weight.shape))


def linear(layer):
    """A mean in the place of a maximum, which would let one path through; no normalization."""
    if isinstance(layer, LocalResponseNormalization):
        return lambda x, **_: x
    if isinstance(layer, layers.MaxPooling2D):
        return lambda x, **_: keras.ops.average_pool(
            x, layer.pool_size, layer.strides, layer.padding, data_format="channels_last"
        )
    return layer


def support(part, sides, unit):
    """First and last of the rows and of the columns that a unit's gradient reaches."""
    (gradient,) = backend.gradient(
        lambda images: keras.ops.sum(graphs.run(part, images, linear)[:, unit[0], unit[1]]),
        [keras.ops.ones((1, *sides, part.input.shape[-1]))],
    )
    reached = np.abs(numpy(gradient)[0]).sum(-1) > 0
    return [(axis.min(), axis.max()) for axis in np.nonzero(reached)]


CASES = {
    "lecun1989": (LeCun1989, (24, 20), ["H1", "H2"]),
    "lenet1": (LeNet1, (40, 36), ["H2", "H3", "H4"]),
    "lenet5": (LeNet5, (44, 40), ["C1", "S2", "C3", "S4", "C5"]),
    "cuda_convnet": (lambda **a: CudaConvNet("13pct", **a), (48, 44), ["pool2", "local4"]),
    "alexnet": (AlexNet, (272, 240), ["conv1", "pool1", "pool5"]),
    "vgg_a": (lambda **a: VGG("A", **a), (192, 160), ["conv3_2", "pool5"]),
    "first modules of googlenet": (GoogLeNet, (160, 144), ["pool2", "inception_3b"]),
    "first stages of resnet18": (ResNet18, (192, 160), ["conv2_x", "conv3_1"]),
    "resnet20_cifar": (lambda **a: ResNetCIFAR(20, **a), (64, 60), ["conv3_1", "conv4_x"]),
}
WHOLE = {
    "googlenet": (GoogLeNet, (480, 448), ["inception_3a", "inception_5b"]),
    "resnet18": (ResNet18, (320, 288), ["conv5_x"]),
    "resnet50": (ResNet50, (320, 288), ["conv3_x", "conv5_x"]),
    "resnet50, v1.5": (lambda **a: ResNet50(stride_in="3x3", **a), (320, 288), ["conv5_x"]),
}
LONG = [pytest.param(*case, marks=pytest.mark.slow) for case in WHOLE.values()]


@pytest.fixture
def thin(monkeypatch):
    """All blocks of the networks, but fewer maps."""
    blocks = dict(resnet.BLOCKS)
    small.patch(monkeypatch)
    monkeypatch.setattr(resnet, "BLOCKS", blocks)
    monkeypatch.setattr(resnet, "WIDTHS", (16, 16, 16, 32))


@pytest.mark.usefixtures("thin")
@pytest.mark.parametrize(
    ("build", "sides", "parts"), [*CASES.values(), *LONG], ids=[*CASES, *WHOLE]
)
def test_a_field_is_where_the_gradient_reaches(build, sides, parts):
    """Of the first unit, the last one and that in the middle; height and width apart."""
    channels = build(include_top=False).input.shape[-1]
    model = build(include_top=False, input_shape=(*sides, channels))
    make_positive(model)
    known = fields(model)
    for part in parts:
        tensor = model.get_layer(part).output
        cut = keras.Model(model.input, tensor)
        rows, columns = tensor.shape[1:3]
        for unit in [(0, 0), (rows // 2, columns // 2), (rows - 1, columns - 1)]:
            expected = [
                (max(u * step - before, 0), min(u * step - before + size, side) - 1)
                for u, size, step, before, side in zip(unit, *known[part], sides, strict=True)
            ]
            assert support(cut, sides, unit) == expected, (part, unit)


@pytest.mark.parametrize(
    ("build", "name", "size", "step"),
    [
        (LeNet5, "S2", 6, 2),
        (LeNet5, "C5", 32, 4),
        (AlexNet, "conv1", 11, 4),
        (AlexNet, "pool5", 195, 32),
        (lambda: VGG("D"), "pool5", 212, 32),
        (ResNet18, "conv5_x", 435, 32),
        (ResNet50, "conv5_x", 483, 32),
    ],
)
def test_fields_that_are_known(build, name, size, step):
    """Of Araujo, Norris & Sim, "Computing receptive fields of convolutional networks" (2019)."""
    row = next(row for row in count(backend.without_values(build)) if row.name == name)
    assert (row.receptive_field, row.stride) == ((size, size), (step, step))


def test_three_of_3x3_see_what_one_of_7x7_sees():
    def stack(size, n):
        parts = [layers.Conv2D(64, size, padding="same", use_bias=False) for _ in range(n)]
        return count(keras.Sequential([keras.Input((32, 32, 64)), *parts]))

    three, one = stack(3, 3), stack(7, 1)
    assert three[-1].receptive_field == one[-1].receptive_field == (7, 7)
    assert three[-1].padding == one[-1].padding == (3, 3)
    assert sum(row.parameters for row in three) == 27 * 64**2
    assert sum(row.parameters for row in one) == 49 * 64**2


def test_branches_paddings_and_dilation():
    """Height and width apart; the least rectangle around the branches."""
    x = image = keras.Input((30, 40, 2))
    x = ConstantPadding2D(((1, 0), (3, 2)), name="border")(x)
    x = layers.Conv2D(2, (3, 5), strides=(1, 2), dilation_rate=1, name="first")(x)
    up = layers.ZeroPadding2D(((2, 0), (0, 4)), name="up")(x)
    up = layers.Conv2D(2, (3, 5), name="high")(up)
    wide = layers.Conv2D(2, (1, 3), padding="same", dilation_rate=2, name="wide")(x)
    both = layers.Concatenate(name="both")([up, wide])
    known = fields(keras.Model(image, both))
    assert known["border"] == ((1, 1), (1, 1), (1, 3))
    assert known["first"] == ((3, 5), (1, 2), (1, 3))
    assert known["high"] == ((5, 13), (1, 2), (3, 3))
    assert known["wide"] == ((3, 13), (1, 2), (1, 7))
    assert known["both"] == ((5, 17), (1, 2), (3, 7))


def test_after_what_sees_all_there_is_no_field():
    known = fields(LeNet5())
    assert [known[name] for name in ("flatten", "F6", "RBF")] == [(None,) * 3] * 3
    places = keras.Sequential([keras.Input((6, 5, 2)), layers.Conv2D(3, 3), layers.Dense(4)])
    assert count(places)[1].receptive_field == (3, 3), "a dense layer of each place"
    known = fields(backend.without_values(ViT, "B/16"))
    assert known["patch_embedding"] == known["position_embedding"] == ((16, 16), (16, 16), (0, 0))
    assert known["encoder_block_1"] == known["predictions"] == (None,) * 3


def test_branches_of_other_steps_have_no_field():
    image = keras.Input((8, 8, 1))
    mean = layers.AveragePooling2D(8)(image)
    known = fields(keras.Model(image, layers.Add(name="sum")([image, mean])))
    assert known["sum"] == (None,) * 3


@pytest.mark.parametrize(
    ("build", "layers_of_weights"),
    [
        (LeCun1989, 4),
        (LeNet1, 5),
        (LeNet5, 7),
        (AlexNet, 8),
        (lambda: VGG("A"), 11),
        (lambda: VGG("E"), 19),
        (GoogLeNet, 22),
        (ResNet18, 18),
        (ResNet50, 50),
        (lambda: ResNetCIFAR(56), 56),
        (lambda: ViT("B/16"), 2 + 4 * 12),
        (lambda: ViT("Mini/4", input_shape=(32, 32, 3), positions="2d"), 2 + 4 * 6),
    ],
)
def test_depth_is_what_the_papers_count(build, layers_of_weights):
    assert depth(backend.without_values(build)) == layers_of_weights
