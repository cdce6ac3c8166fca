"""Every network against its paper, and against what a builder promises."""

import functools
import inspect
import math
import pickle
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest

from keras_classics import applications, models, names
from keras_classics.analysis import count
from keras_classics.applications import (
    VGG,
    AlexNet,
    CudaConvNet,
    FullyConnected,
    GoogLeNet,
    LeCun1989,
    LeNet1,
    LeNet4,
    LeNet5,
    PairwiseLinear,
    PlainNet,
    PlainNetCIFAR,
    ResNet,
    ResNetCIFAR,
    ViT,
    vit,
)
from keras_classics.applications.lecun1989 import H2_CONNECTIONS
from keras_classics.applications.lenet1 import H3_CONNECTIONS
from keras_classics.applications.lenet5 import C3_CONNECTIONS, CHARACTERS, LENET4_C3_CONNECTIONS
from tests import small

# Builder, its arguments, parameters (as the paper prints them where it does), and the
# output shape of each of the paper's layers.
NETWORKS = {
    "lecun1989": (
        LeCun1989,
        {},
        9_760,
        {"H1": (8, 8, 12), "H2": (4, 4, 12), "H3": (30,), "output": (10,)},
    ),
    "lenet1": (
        LeNet1,
        {},
        2_578,
        {"H1": (24, 24, 4), "H2": (12, 12, 4), "H3": (8, 8, 12), "H4": (4, 4, 12)},
    ),
    "lenet5-rbf": (
        LeNet5,
        {},
        60_000,
        {
            "C1": (28, 28, 6),
            "S2": (14, 14, 6),
            "C3": (10, 10, 16),
            "S4": (5, 5, 16),
            "C5": (1, 1, 120),
            "F6": (84,),
            "RBF": (10,),
            "scores": (10,),
        },
    ),
    "lenet5-softmax": (
        LeNet5,
        {"head": "softmax"},
        60_000 + 84 * 10 + 10,
        {"F6": (84,), "predictions": (10,)},
    ),
    "lenet4": (
        LeNet4,
        {},
        50_698,
        {
            "C1": (28, 28, 4),
            "S2": (14, 14, 8),
            "C3": (10, 10, 16),
            "S4": (5, 5, 16),
            "C5": (1, 1, 120),
            "output": (10,),
        },
    ),
    "mlp-300-100": (
        FullyConnected,
        {"hidden": "300-100"},
        784 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10,
        {"H1": (300,), "H2": (100,), "output": (10,)},
    ),
    "pairwise-linear": (PairwiseLinear, {}, 785 * 45, {"units": (45,), "output": (10,)}),
    "alexnet": (
        AlexNet,
        {},
        60_965_224,
        {
            "conv1": (55, 55, 96),
            "lrn1": (55, 55, 96),
            "pool1": (27, 27, 96),
            "conv2": (27, 27, 256),
            "pool2": (13, 13, 256),
            "conv3": (13, 13, 384),
            "conv4": (13, 13, 384),
            "conv5": (13, 13, 256),
            "pool5": (6, 6, 256),
            "fc6": (4096,),
            "fc7": (4096,),
            "predictions": (1000,),
        },
    ),
    "alexnet-one-gpu": (
        AlexNet,
        {"towers": 1, "halved": True},
        59_798_312,
        {
            "conv1": (55, 55, 48),
            "conv2": (27, 27, 128),
            "conv3": (13, 13, 192),
            "conv4": (13, 13, 192),
            "conv5": (13, 13, 256),
            "fc6": (4096,),
        },
    ),
    "cuda-convnet-80sec": (
        CudaConvNet,
        {"configuration": "80sec"},
        145_578,
        {"pool1": (16, 16, 32), "pool2": (8, 8, 32), "pool3": (4, 4, 64), "fc64": (64,)},
    ),
    "cuda-convnet-18pct": (
        CudaConvNet,
        {"configuration": "18pct"},
        89_578,
        {"rnorm1": (16, 16, 32), "rnorm2": (8, 8, 32), "pool3": (4, 4, 64), "fc10": (10,)},
    ),
    "cuda-convnet-13pct": (
        CudaConvNet,
        {"configuration": "13pct", "input_shape": (24, 24, 3)},
        1_116_490,
        {"pool1": (12, 12, 64), "pool2": (6, 6, 64), "local4": (6, 6, 32), "fc10": (10,)},
    ),
    "cuda-convnet-11pct": (
        CudaConvNet,
        {"configuration": "11pct", "input_shape": (24, 24, 3)},
        2_112_970,
        {"rnorm1": (12, 12, 64), "rnorm2": (12, 12, 64), "local3": (6, 6, 64), "fc10": (10,)},
    ),
    "googlenet": (
        GoogLeNet,
        {},
        6_998_552,
        {
            "conv1": (112, 112, 64),
            "pool1": (56, 56, 64),
            "conv2": (56, 56, 192),
            "pool2": (28, 28, 192),
            "inception_3a": (28, 28, 256),
            "inception_3b": (28, 28, 480),
            "pool3": (14, 14, 480),
            "inception_4e": (14, 14, 832),
            "pool4": (7, 7, 832),
            "inception_5b": (7, 7, 1024),
            "avg_pool": (1024,),
            "predictions": (1000,),
        },
    ),
    "plain18": (PlainNet, {"depth": 18}, 11_515_688, {"conv5_x": (7, 7, 512)}),
    "plain20-cifar": (PlainNetCIFAR, {"depth": 20}, 269_722, {"conv4_x": (8, 8, 64)}),
    "resnet18": (
        ResNet,
        {"depth": 18},
        11_689_512,
        {
            "conv1": (112, 112, 64),
            "pool1": (56, 56, 64),
            "conv2_x": (56, 56, 64),
            "conv3_x": (28, 28, 128),
            "conv4_x": (14, 14, 256),
            "conv5_x": (7, 7, 512),
            "avg_pool": (512,),
            "predictions": (1000,),
        },
    ),
    "resnet20-cifar": (
        ResNetCIFAR,
        {"depth": 20},
        269_722,
        {
            "conv1": (32, 32, 16),
            "conv2_x": (32, 32, 16),
            "conv3_x": (16, 16, 32),
            "conv4_x": (8, 8, 64),
            "avg_pool": (64,),
            "predictions": (10,),
        },
    ),
    "vgg-a-lrn": (
        VGG,
        {"configuration": "A-LRN"},
        132_863_336,
        {"conv1_1": (224, 224, 64), "lrn1": (224, 224, 64), "pool1": (112, 112, 64)},
    ),
    "vgg-d": (
        VGG,
        {"configuration": "D"},
        138_357_544,
        {
            "conv1_2": (224, 224, 64),
            "conv2_2": (112, 112, 128),
            "conv3_3": (56, 56, 256),
            "conv4_3": (28, 28, 512),
            "conv5_3": (14, 14, 512),
            "pool5": (7, 7, 512),
            "fc6": (4096,),
            "fc7": (4096,),
            "predictions": (1000,),
        },
    ),
    "vit-ti16": (
        ViT,
        {"variant": "Ti/16"},
        5_717_416,
        {
            "patch_embedding": (196, 192),
            "class_token": (197, 192),
            "position_embedding": (197, 192),
            "encoder_block_1": (197, 192),
            "encoder_block_12": (197, 192),
            "encoder_norm": (192,),
            "predictions": (1000,),
        },
    ),
    "vit-r50-ti16": (
        ViT,
        {"variant": "R50+Ti/16"},
        17_661_416,
        {
            "conv_root": (112, 112, 64),
            "pool_root": (56, 56, 64),
            "conv2_x": (56, 56, 256),
            "conv3_x": (28, 28, 512),
            "conv4_x": (14, 14, 1024),
            "patch_embedding": (196, 192),
            "encoder_block_12": (197, 192),
        },
    ),
}
# Networks for photographs show their properties on small images with few classes, too.
SMALL = {
    AlexNet: {"input_shape": (64, 64, 3), "classes": 10},
    CudaConvNet: {"input_shape": (24, 24, 3)},
    GoogLeNet: {"input_shape": (48, 48, 3), "classes": 10},
    PlainNet: {"input_shape": (32, 32, 3), "classes": 10},
    PlainNetCIFAR: {"depth": 8, "input_shape": (16, 16, 3)},
    ResNet: {"input_shape": (32, 32, 3), "classes": 10},
    ResNetCIFAR: {"depth": 8, "input_shape": (16, 16, 3)},
    VGG: {"input_shape": (32, 32, 3), "classes": 10},
    ViT: {"input_shape": (32, 32, 3), "classes": 10},
}
# What sides must be divisible by, where it is more than 1.
STEPS = {ViT: 16}
# Names that people type for a variant; their own tests show that they build nothing else.
NAMES = {
    *(getattr(applications, f"ResNet{depth}") for depth in (18, 34, 50, 101, 152)),
    *(getattr(applications, f"VGG{depth}") for depth in (11, 13, 16, 19)),
    *(getattr(applications, f"ViT{size}") for size in "Ti16 S16 S32 B16 B32 L16 L32 H14".split()),
}
# What every builder takes, in this order, after the variant and the switches of its paper.
SHARED = "include_top weights input_shape pooling classes classifier_activation name".split()

numpy = keras.ops.convert_to_numpy


class Row(NamedTuple):
    builder: Callable
    arguments: dict
    parameters: int
    nodes: dict


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    """A row of the table. All tests of a network follow each other."""
    return Row(*NETWORKS[request.param])


@pytest.fixture(scope="module")
def model(network):
    """The network of a row, small, for all tests of it; none changes its weights."""
    keras.utils.set_random_seed(1998)
    model = build(network)
    for weight in model.trainable_weights:
        if not np.any(numpy(weight)):  # a head that starts at 0 would hide what is lost
            weight.assign(np.random.default_rng(1).normal(0, 0.1, weight.shape))
    return model


def images(model, n=2):
    return np.random.default_rng(0).uniform(-1, 1, (n, *model.input_shape[1:])).astype("float32")


def build(network, **others):
    """The network of a row, small."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small.patch(monkeypatch)
        given = {**network.arguments, **SMALL.get(network.builder, {}), **others}
        return network.builder(**given)


def shapes_only(function, *arguments, **others):
    """A model with shapes, but without values."""
    with keras.StatelessScope(initialize_variables=False):
        return function(*arguments, **others)


def test_every_builder_is_here():
    public = {getattr(applications, name) for name in applications.__all__}
    assert public - NAMES == {row[0] for row in NETWORKS.values()}


def test_parameters_and_shapes(network, model):
    full = shapes_only(network.builder, **network.arguments)
    count = sum(math.prod(weight.shape) for weight in full.trainable_weights)
    assert count == network.parameters
    for name, shape in network.nodes.items():
        assert full.get_layer(name).output.shape == (None, *shape)
    assert model(images(model)).shape == (2, 10)


def test_signature(network):
    signature = inspect.signature(network.builder)
    order = [name for name in signature.parameters if name != "convention"]
    assert order[-len(SHARED) :] == SHARED
    # What no paper has stands last.
    assert "convention" not in list(signature.parameters)[:-1]
    positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert positional == list(network.arguments)[: len(positional)]  # the variant
    assert len(positional) <= 1
    assert shapes_only(build, network, name="mine").name == "mine"
    assert signature.parameters["name"].default is None


def test_typed_builders():
    """Each is the paper's builder with its first argument given, also to `help` and to pickle."""
    for named in NAMES:
        name, module = named.__name__, inspect.getmodule(named)
        assert getattr(module, name) is getattr(applications, name) is named
        assert pickle.loads(pickle.dumps(named)) is named
        assert named.__qualname__ == name
        found = names.find(name)
        builder = getattr(applications, found.builder)
        ((argument, variant),) = found.arguments.items()
        assert f"{builder.__name__}{variant}".replace("/", "") in (name, f"VGG{variant}")
        first, *others = inspect.signature(builder).parameters.values()
        assert list(inspect.signature(named).parameters.values()) == others
        assert set(named.__annotations__) == set(builder.__annotations__) - {argument}
        summary, _, rest = inspect.getdoc(named).partition("\n\n")
        assert summary == f"`{builder.__name__}({variant!r})`.".replace("'", '"')
        document = inspect.getdoc(builder)
        assert rest.startswith(document.partition("\n\n")[0])
        for parameter in others:
            assert f"\n    {parameter.name}: " in rest
        assert f"\n    {first.name}: " in document
        assert f"\n    {first.name}: " not in rest
        assert rest.partition("Returns:")[2].strip() == document.partition("Returns:")[2].strip()
        with pytest.raises(TypeError, match="positional argument"):
            named(variant)
        with pytest.raises(TypeError, match="multiple values|unexpected keyword"):
            named(**{argument: variant})


def test_other_sizes_and_classes(network, model):
    height, width, channels = model.input_shape[1:]
    step = STEPS.get(network.builder, 4)
    shape = (height + step, width + 3 * step, channels + 2)
    other = build(network, input_shape=shape, classes=7)
    outputs = numpy(other(images(other)))
    assert outputs.shape == (2, 7)
    assert np.isfinite(outputs).all()


def test_without_top(network, model):
    if network.builder is ViT:
        pytest.skip("its poolings are others; test_vit.py has them")
    if network.builder in (FullyConnected, PairwiseLinear):
        pytest.skip("it has no maps")
    height, width, _ = model.input_shape[1:]
    headless = {"include_top": False, "input_shape": (height + 8, width + 16, 1)}
    maps = build(network, **headless)
    assert len(maps.output_shape) == 4
    outputs = maps(images(maps))
    for pooling, reduce in [("avg", np.mean), ("max", np.max)]:
        pooled = shapes_only(build, network, **headless, pooling=pooling)
        *others, last = pooled.layers
        assert [layer.name for layer in others] == [layer.name for layer in maps.layers]
        assert last.input is others[-1].output
        assert pooled.output is last.output
        expected = reduce(numpy(outputs), axis=(1, 2))
        np.testing.assert_allclose(numpy(last(outputs)), expected, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match='`pooling` must be None, "avg" or "max"'):
        shapes_only(build, network, **headless, pooling="mean")


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_round_trips(network, model, tmp_path):
    x = images(model)
    expected = numpy(model(x))
    assert np.abs(expected).max() > 1e-3
    assert np.any(expected[0] != expected[1])

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(numpy(loaded(x)), expected, rtol=1e-6)

    twin = keras.models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(numpy(twin(x)), expected, rtol=1e-6)

    model.save_weights(tmp_path / "model.weights.h5")
    again = build(network, weights=tmp_path / "model.weights.h5")
    np.testing.assert_allclose(numpy(again(x)), expected, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name, row in NETWORKS.items() if row[0] not in SMALL])
def test_trains_with_standard_pieces(name, tmp_path):
    """`fit` with a standard loss, optimizer, metric and callbacks lowers the loss.

    The tests of each network for photographs have a training of their own.
    """
    model = build(Row(*NETWORKS[name]))
    x, labels = images(model, 40), np.arange(40) % 10
    if model.layers[-1].name == "output":
        loss, y, metric = "mse", 2 * np.eye(10)[labels] - 1, "categorical_accuracy"
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=name == "lenet5-rbf")
        y, metric = labels, "sparse_categorical_accuracy"
    model.compile("adam", loss, metrics=[metric])
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "last.keras", save_freq=60),  # the last step
        keras.callbacks.ReduceLROnPlateau(monitor="loss"),
    ]
    history = model.fit(x, y, batch_size=8, epochs=12, verbose=0, callbacks=callbacks).history
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    last = keras.saving.load_model(tmp_path / "last.keras")
    reached = last.evaluate(x, y, verbose=0, return_dict=True)
    assert reached["loss"] < 0.9 * history["loss"][0]
    assert 0 <= reached[metric] <= 1


def test_mixed_precision(network):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(network)
        outputs = numpy(keras.ops.cast(model(images(model)), "float32"))
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(outputs).all()
    assert all(weight.dtype == "float32" for weight in model.weights)
    assert {output.dtype for output in keras.tree.flatten(model.output)} == {"float32"}


def test_channels_last_whatever_the_global_setting(network, model):
    expected = numpy(model(images(model)))
    pooling = None if network.builder in (FullyConnected, PairwiseLinear) else "avg"
    keras.config.set_image_data_format("channels_first")
    try:
        other = build(network)
        other.set_weights(model.get_weights())
        shapes = [layer.output.shape for layer in other.layers]
        found = numpy(other(images(model)))
        pooled = shapes_only(build, network, include_top=False, pooling=pooling)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert shapes == [layer.output.shape for layer in model.layers]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    plain = shapes_only(build, network, include_top=False, pooling=pooling)
    assert pooled.output_shape == plain.output_shape


def test_weights_start_different(model):
    """Each layer draws on its own: no two kernels begin with the same numbers."""
    kernels = [numpy(weight) for weight in model.trainable_weights if weight.name == "kernel"]
    starts = [kernel.ravel()[0] / np.abs(kernel).max() for kernel in kernels if kernel.any()]
    assert len(starts) >= min(3, len(kernels))
    assert len({round(float(start), 5) for start in starts}) == len(starts)


def test_tables():
    """Each network's table in the words of its paper."""
    assert sum(map(len, C3_CONNECTIONS)) == 60
    assert [sum(m in maps for maps in C3_CONNECTIONS) for m in range(6)] == [10] * 6
    reads = {m: [i for i, maps in enumerate(H3_CONNECTIONS, 1) if m in maps] for m in range(4)}
    assert reads == {
        0: [1, 2, 3, 5, 6],
        1: [2, 3, 4, 5, 6],
        2: [7, 8, 9, 11, 12],
        3: [8, 9, 10, 11, 12],
    }
    assert [len({m // 2 for m in maps}) for maps in LENET4_C3_CONNECTIONS] == [3] * 16
    assert [sum(m in maps for maps in LENET4_C3_CONNECTIONS) for m in range(8)] == [6] * 8
    assert len(set(map(tuple, LENET4_C3_CONNECTIONS))) == 16
    assert [len(set(maps)) for maps in H2_CONNECTIONS] == [8] * 12
    assert [sum(m in maps for maps in H2_CONNECTIONS) for m in range(12)] == [8] * 12


def test_table_1_of_lenet5_as_printed():
    printed = """
        X . . . X X X . . X X X X . X X
        X X . . . X X X . . X X X X . X
        X X X . . . X X X . . X . X X X
        . X X X . . X X X X . . X . X X
        . . X X X . . X X X X . X X . X
        . . . X X X . . X X X X . X X X
    """
    table = np.array([[mark == "X" for mark in line.split()] for line in printed.split("\n")[1:-1]])
    assert [list(np.flatnonzero(column)) for column in table.T] == C3_CONNECTIONS


def test_lenet5_scores_are_negated_penalties():
    model = LeNet5()
    x = images(model)
    f6 = keras.Model(model.input, model.get_layer("F6").output)(x)
    codes = numpy(model.get_layer("RBF").code)
    expected = [[-((numpy(row) - code) ** 2).sum() for code in codes] for row in f6]
    np.testing.assert_allclose(numpy(model(x)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("linear", 7_850),
        ("mlp_300", 238_510),
        ("mlp_1000", 795_010),
        ("mlp_300_100", 266_610),
        ("mlp_500_150", 469_160),
        ("mlp_1000_150", 936_660),
        ("mlp_40", 10_690),
    ],
)
def test_fully_connected_networks(name, parameters):
    """Each a chain of products, against NumPy."""
    model = models.build(name)
    assert model.name == name
    assert count(model)[-1].parameters + sum(r.parameters for r in count(model)[:-1]) == parameters
    x = images(model)
    expected, squash = x.reshape(2, -1), lambda a: 1.7159 * np.tanh(2 / 3 * a)
    for layer in model.layers[2:]:
        layer.bias.assign(np.linspace(-0.1, 0.1, layer.units))
        expected = expected @ numpy(layer.kernel) + numpy(layer.bias)
        expected = expected if name == "linear" else squash(expected)
    np.testing.assert_allclose(numpy(model(x)), expected, rtol=1e-4, atol=1e-5)
    features = models.build(name, include_top=False)
    assert features.output_shape == model.layers[-1].input.shape


def test_lecun1989_sees_a_background_of_minus_one():
    """The unit of H1 in the corner reads -1 in its two rows and columns outside."""
    model = LeCun1989()
    x = images(model, 1)
    kernel = numpy(model.get_layer("H1_kernels").kernel)[:, :, 0]  # (5, 5, 12)
    window = np.full((5, 5), -1.0)
    window[2:, 2:] = x[0, :3, :3, 0]
    expected = 1.7159 * np.tanh(2 / 3 * (window[..., None] * kernel).sum((0, 1)))
    h1 = keras.Model(model.input, model.get_layer("H1").output)(x)
    np.testing.assert_allclose(numpy(h1)[0, 0, 0], expected, rtol=1e-4, atol=1e-6)


def test_wrong_arguments():
    with pytest.raises(ValueError, match='`head` must be "rbf" or "softmax"'):
        LeNet5(head="dense")
    with pytest.raises(ValueError, match="at least 32x32.*input_shape=\\(28, 28, 1\\)"):
        LeNet5(input_shape=(28, 28, 1))
    with pytest.raises(ValueError, match="at least 16x16"):
        LeNet1(input_shape=(12, 28, 1))
    with pytest.raises(ValueError, match="LeNet-4 needs .* at least 32x32"):
        LeNet4(input_shape=(32, 28, 1))
    for hidden in ("", "300-", "0-3", "300,100", 300):
        with pytest.raises(ValueError, match='`hidden` must be units joined by "-"'):
            FullyConnected(hidden)
    with pytest.raises(ValueError, match="known size.*input_shape=.None, 28, 1"):
        FullyConnected("300", input_shape=(None, 28, 1))
    with pytest.raises(ValueError, match="`pooling` must be None.*pooling='max'"):
        FullyConnected("300", pooling="max")
    with pytest.raises(ValueError, match="codes for 95 classes"):
        LeNet5(classes=96)
    assert len(set(CHARACTERS)) == len(CHARACTERS) == 95
    assert LeNet5(classes=95).output_shape == (None, 95)
    assert count(LeNet5(head="softmax", classes=1000))[-1].parameters == 85_000


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"num_classes": 5}, r"`classes=5`.*num_classes=5"),
        ({"num_labels": 5}, r"`classes=5`.*num_labels=5"),
        ({"pretrained": True}, r"`weights=\"imagenet\"`.*pretrained=True"),
        ({"img_size": 96}, r"`input_shape=\(height, width, channels\)`.*img_size=96"),
        ({"in_chans": 1}, r"`input_shape=\(height, width, channels\)`.*in_chans=1"),
        ({"classifier_activaton": None}, r"`classifier_activation=None`"),
        ({"foo": 1}, r"it has .*include_top, weights, input_shape.* foo=1"),
    ],
)
def test_words_of_other_libraries(given, meant):
    """Of each way to build a network."""
    for make in (
        applications.ResNet50,
        applications.GoogLeNet,
        functools.partial(applications.CudaConvNet, "80sec"),
        functools.partial(models.build, "vit_mini4"),
    ):
        with pytest.raises(TypeError, match=f"got an unexpected keyword argument: .*{meant}"):
            make(**given)


def test_words_of_other_libraries_that_only_some_networks_have():
    with pytest.raises(TypeError, match=r"ViT\(\).*`dropout=0.1` in its place"):
        models.build("vit_mini4", drop_rate=0.1)
    with pytest.raises(TypeError, match=r"ResNet\(\).*: it has depth, "):
        models.build("resnet50", drop_rate=0.1)
    with pytest.raises(TypeError, match=r"fine_tune\(\).*`classes=5`"):
        vit.fine_tune(None, num_classes=5)
