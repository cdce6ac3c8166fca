"""ResNet against its paper, keras.applications and a twin in PyTorch, in training too."""

import itertools
import math
import re
import sys

import keras
import numpy as np
import pytest
from keras import ops

import keras_classics
from keras_classics import backend
from keras_classics.analysis import count
from keras_classics.applications import (
    PlainNet,
    PlainNetCIFAR,
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    ResNet101,
    ResNet152,
    ResNetCIFAR,
    resnet,
)
from keras_classics.applications.resnet import BLOCKS
from keras_classics.graphs import deep_recursion
from keras_classics.layers import BatchNormalization, IdentityShortcut2D, SymmetricConv2D

V15 = {"stride_in": "3x3"}
NAMED = {18: ResNet18, 34: ResNet34, 50: ResNet50, 101: ResNet101, 152: ResNet152}
slow = pytest.mark.slow
numpy = ops.convert_to_numpy

# Parameters (convolutions, gamma, beta and output) and multiply-adds for one image. Table 1
# prints the latter in billions, Table 6 the parameters of section 4.2's in millions.
NUMBERS = [
    (ResNet, 18, {"shortcut": "A"}, 11_515_688, 1_794_805_760),
    (PlainNet, 18, {}, 11_515_688, 1_794_805_760),
    (ResNet, 18, {}, 11_689_512, 1_814_073_344),
    (ResNet, 34, {"shortcut": "A"}, 21_623_848, 3_644_493_824),
    (PlainNet, 34, {}, 21_623_848, 3_644_493_824),
    (ResNet, 34, {}, 21_797_672, 3_663_761_408),
    (ResNet, 34, {"shortcut": "C"}, 22_716_840, 3_830_747_136),
    (ResNet, 50, {}, 25_557_032, 3_857_973_248),
    (ResNet, 50, V15, 25_557_032, 4_089_184_256),
    (ResNet, 101, {}, 44_549_160, 7_570_194_432),
    (ResNet, 101, V15, 44_549_160, 7_801_405_440),
    (ResNet, 152, {}, 60_192_808, 11_282_415_616),
    (ResNet, 152, V15, 60_192_808, 11_513_626_624),
    (ResNetCIFAR, 20, {}, 269_722, 40_551_040),
    (ResNetCIFAR, 20, {"shortcut": "B"}, 272_474, 40_813_184),
    (PlainNetCIFAR, 20, {}, 269_722, 40_551_040),
    (ResNetCIFAR, 32, {}, 464_154, 68_862_592),
    (ResNetCIFAR, 44, {}, 658_586, 97_174_144),
    (ResNetCIFAR, 56, {}, 853_018, 125_485_696),
    (PlainNetCIFAR, 56, {}, 853_018, 125_485_696),
    (ResNetCIFAR, 110, {}, 1_727_962, 252_887_680),
]


def shapes_only(builder, *arguments, **more):
    with keras.StatelessScope(initialize_variables=False):
        return builder(*arguments, **more)


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def lively(model):
    """Weights and statistics at which every layer shows in the output."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        shape = weight.shape
        if weight.name == "kernel":
            weight.assign(math.sqrt(2 / math.prod(shape[:-1])) * rng.standard_normal(shape))
        elif weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, shape))
        else:
            weight.assign(0.3 * rng.standard_normal(shape))
    return model


@pytest.fixture
def short(monkeypatch):
    """Of Table 1's networks, one block a stage, with a few maps each."""
    for depth, (kind, _) in BLOCKS.items():
        monkeypatch.setitem(BLOCKS, depth, (kind, (1, 1, 1, 1)))
    monkeypatch.setattr(resnet, "WIDTHS", (16, 20, 24, 28))
    return {"input_shape": (40, 72, 3), "classes": 5, "classifier_activation": None}


def sizes(model):
    """Output shapes of the rows of the paper's tables, and of nothing else."""
    names = re.compile(r"conv1_relu|pool1|conv\d_x|avg_pool|predictions")
    return {
        layer.name: layer.output.shape[1:] for layer in model.layers if names.fullmatch(layer.name)
    }


@pytest.mark.parametrize("builder", [ResNet, PlainNet, ResNetCIFAR, PlainNetCIFAR])
def test_table_1_and_section_4_2(builder):
    for row in NUMBERS:
        if row[0] is builder:
            check_numbers(*row)


@slow
def test_1202_layers():
    check_numbers(ResNetCIFAR, 1202, {}, 19_421_274, 2_829_238_912)


def check_numbers(builder, depth, arguments, parameters, macs):
    model = shapes_only(builder, depth, **arguments)
    rows = count(model)
    assert sum(row.parameters for row in rows) == parameters
    assert sum(row.macs for row in rows) == macs
    on_the_way = [row for row in rows if row.weights and not re.search("_bn|shortcut", row.name)]
    assert len(on_the_way) == depth
    if builder in (ResNet, PlainNet):
        wider = 4 if depth >= 50 else 1
        assert sizes(model) == {
            "conv1_relu": (112, 112, 64),
            "pool1": (56, 56, 64),
            "conv2_x": (56, 56, 64 * wider),
            "conv3_x": (28, 28, 128 * wider),
            "conv4_x": (14, 14, 256 * wider),
            "conv5_x": (7, 7, 512 * wider),
            "avg_pool": (512 * wider,),
            "predictions": (1000,),
        }
    else:
        assert sizes(model) == {
            "conv1_relu": (32, 32, 16),
            "conv2_x": (32, 32, 16),
            "conv3_x": (16, 16, 32),
            "conv4_x": (8, 8, 64),
            "avg_pool": (64,),
            "predictions": (10,),
        }


def step(model, x, uneven):
    """Scores in training mode, gradients along the weights, and the statistics afterwards."""
    statistics = [v.value for v in model.non_trainable_variables]

    def run(weights):
        return model.stateless_call(weights, statistics, x, training=True)

    weights = [numpy(v) for v in model.trainable_variables]
    gradients = backend.gradient(lambda weights: ops.sum(run(weights)[0] * uneven), weights)
    scores, after = run([ops.convert_to_tensor(w) for w in weights])

    def by_path(variables, values):
        return {v.path: numpy(value) for v, value in zip(variables, values, strict=True)}

    return (
        numpy(scores),
        by_path(model.trainable_variables, gradients),
        by_path(model.non_trainable_variables, after),
    )


def close(actual, expected, tolerance, what=""):
    """Whether two arrays are equal up to a share of their size.

    Of gradients a larger one: rounding turns a few ReLUs over.
    """
    assert np.linalg.norm(expected) > 1e-6 * math.sqrt(expected.size), what
    error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
    assert error < tolerance, (what, error)


def in_keras(name):
    """What keras.applications calls one of our layers."""
    part = re.fullmatch(r"(conv\d)_(\d+)_(?:conv(\d)|shortcut)(_bn)?", name)
    if part:
        stage, block, number, bn = part.groups()
        return f"{stage}_block{block}_{number or 0}_{'bn' if bn else 'conv'}"
    return "conv1_conv" if name == "conv1" else name


@pytest.fixture
def float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")  # it follows floatx only until a layer is made
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def test_values_are_those_of_keras_applications(float64):
    """Theirs have biases before the normalization, which only shift its mean.

    In double precision, where rounding turns no ReLU over; our last layer has single. Networks of
    101 and 152 layers are compared with theirs in `weights/test_peers.py`.
    """
    arguments = {"input_shape": (48, 80, 3), "classes": 6, "classifier_activation": None}
    theirs = lively(keras.applications.ResNet50(weights=None, **arguments))
    ours = ResNet(50, **arguments)
    biases = {}
    for layer in filter(lambda layer: layer.weights, ours.layers):
        values = theirs.get_layer(in_keras(layer.name)).get_weights()
        if isinstance(layer, SymmetricConv2D):
            kernel, biases[f"{layer.name}_bn"] = values
            values = [kernel]
        elif isinstance(layer, BatchNormalization):
            values[2] = values[2] - biases[layer.name]
            layer.epsilon, layer.momentum = 1.001e-5, 0.99
        layer.set_weights(values)

    x = images(3, 48, 80, 3).astype("float64")
    expected = numpy(theirs(x))
    assert np.abs(expected[0] - expected[1]).max() > 0.01 * np.abs(expected).max()
    close(numpy(ours(x)), expected, 1e-5)

    uneven = images(*expected.shape)
    scores, gradients, statistics = step(ours, x, uneven)
    their_scores, their_gradients, their_statistics = step(theirs, x, uneven)
    close(scores, their_scores, 1e-5)
    for path, gradient in gradients.items():
        name, weight = path.split("/")
        close(gradient, their_gradients[f"{in_keras(name)}/{weight}"], 1e-5, path)
    for path, value in statistics.items():
        name, weight = path.split("/")
        shift = biases[name] if weight == "moving_mean" else 0
        close(value + shift, their_statistics[f"{in_keras(name)}/{weight}"], 1e-5, path)
    assert len(gradients) == len(their_gradients) - len(biases)


@pytest.mark.parametrize(
    ("builder", "arguments", "twin"),
    [
        pytest.param(ResNet, {"depth": 18}, {"shortcut": "B"}, marks=slow),
        (ResNet, {"depth": 18, "shortcut": "A"}, {"shortcut": "A"}),
        pytest.param(ResNet, {"depth": 18, "shortcut": "C"}, {"shortcut": "C"}, marks=slow),
        pytest.param(PlainNet, {"depth": 18}, {"shortcut": None}, marks=slow),
        pytest.param(ResNet, {"depth": 34}, {"shortcut": "B"}, marks=slow),
        (ResNet, {"depth": 50, **V15}, {"shortcut": "B", **V15}),
        pytest.param(ResNet, {"depth": 50, "shortcut": "A"}, {"shortcut": "A"}, marks=slow),
        (ResNetCIFAR, {"depth": 20}, {"shortcut": "A", "cifar": True}),
        (PlainNetCIFAR, {"depth": 20}, {"shortcut": None, "cifar": True}),
    ],
)
def test_values_are_its_twins(twins, builder, arguments, twin):
    """With `stride_in="3x3"` and B the twin is torchvision's network."""
    import torch

    shape = (33, 26, 3) if "cifar" in twin else (43, 66, 3)
    model = builder(**arguments, input_shape=shape, classes=6, classifier_activation=None)
    lively(model)
    twin = twins.ResNetTwin(arguments["depth"], classes=6, **twin)
    twins.copy_weights(model, twin)
    x = images(4, *shape)
    maps = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        expected = twin.eval()(maps).numpy()
    assert np.abs(expected[0] - expected[1]).max() > 0.01 * np.abs(expected).max()
    close(numpy(model(x)), expected, 1e-4)

    uneven = images(*expected.shape)
    before = {v.path: numpy(v) for v in model.non_trainable_variables}
    scores, gradients, statistics = step(model, x, uneven)
    their_scores = twin.train()(maps)
    (their_scores * torch.from_numpy(uneven)).sum().backward()
    close(scores, their_scores.detach().numpy(), 1e-3)
    names = {"gamma": "weight", "beta": "bias", "kernel": "weight", "bias": "bias"}
    for path, gradient in gradients.items():
        name, weight = path.split("/")
        expected = getattr(twin.get_submodule(name), names[weight]).grad.numpy()
        close(twins.to_torch(gradient), expected, 0.05, path)
    for path, value in statistics.items():
        name, weight = path.split("/")
        module = twin.get_submodule(name)
        expected = module.running_mean if weight == "moving_mean" else module.running_var
        expected = expected.numpy()
        if weight == "moving_variance":  # PyTorch's batches have the unbiased variance
            _, height, width, _ = model.get_layer(name).output.shape
            m = len(x) * height * width
            expected = 0.9 * before[path] + (m - 1) / m * (expected - 0.9 * before[path])
        close(value, expected, 1e-4, path)
    assert len(gradients) == len(list(twin.parameters()))


def test_shortcuts():
    """Section 3.3: A has no parameters, B projects where the maps change, C everywhere."""
    for depth, changes in [(34, 3), (50, 4)]:
        blocks = sum(BLOCKS[depth][1])
        for shortcut, projections in [("A", 0), ("B", changes), ("C", blocks)]:
            model = shapes_only(ResNet, depth, shortcut=shortcut)
            ends = [layer for layer in model.layers if layer.name.endswith("_shortcut")]
            kinds = [type(layer) for layer in ends]
            assert kinds.count(SymmetricConv2D) == projections
            assert kinds.count(IdentityShortcut2D) == (changes if shortcut == "A" else 0)
            assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == blocks
    assert projections == 16
    model = shapes_only(ResNetCIFAR, 20)
    ends = [layer.name for layer in model.layers if isinstance(layer, IdentityShortcut2D)]
    assert ends == ["conv3_1_shortcut", "conv4_1_shortcut"]


@pytest.mark.parametrize(
    ("plain", "residual", "depth", "arguments"),
    [(PlainNet, ResNet, 34, {"shortcut": "A"}), (PlainNetCIFAR, ResNetCIFAR, 32, {})],
)
def test_the_plain_network_is_the_residual_one_without_shortcuts(plain, residual, depth, arguments):
    def rest(model):
        return [
            (type(layer), layer.name, layer.output.shape)
            for layer in model.layers
            if not isinstance(layer, (keras.layers.Add, IdentityShortcut2D))
        ]

    expected = rest(shapes_only(residual, depth, **arguments))
    model = shapes_only(plain, depth)
    assert rest(model) == expected
    assert len(model.layers) == len(expected)
    for before, after in itertools.pairwise(model.layers):
        assert after.input is before.output


def test_order_of_the_layers():
    """Section 3.4: convolution, normalization, ReLU. Figure 2: the last ReLU after the addition."""
    for builder, depth in [(ResNet, 18), (ResNet, 50), (PlainNet, 34), (ResNetCIFAR, 20)]:
        check_order(builder, depth)


def check_order(builder, depth):
    model = shapes_only(builder, depth)
    names = {layer.name: layer for layer in model.layers}
    blocks = [name for name in names if re.fullmatch(r"conv\d_\d+", name)]
    convolutions = [name for name in names if re.fullmatch(r"(conv\d_\d+_)?conv\d", name)]
    assert len(convolutions) == depth - 1
    for name in convolutions:
        assert names[f"{name}_bn"].input is names[name].output
        assert not names[name].use_bias
    lasts = {f"{block}_conv{3 if depth == 50 else 2}": block for block in blocks}
    for name in convolutions:
        relu = names[lasts.get(name, f"{name}_relu")]
        assert isinstance(relu, keras.layers.Activation)
        assert relu.activation is keras.activations.relu
        if builder is PlainNet or name not in lasts:
            assert relu.input is names[f"{name}_bn"].output
    if builder is PlainNet:
        return
    before = names["conv1_relu" if builder is ResNetCIFAR else "pool1"].output
    for last, block in lasts.items():
        addition = names[f"{block}_add"]
        assert names[block].input is addition.output
        main, shortcut = addition.input
        assert main is names[f"{last}_bn"].output
        if f"{block}_shortcut" in names:
            end = names.get(f"{block}_shortcut_bn", names[f"{block}_shortcut"])
            assert shortcut is end.output
            shortcut = names[f"{block}_shortcut"].input
        assert shortcut is before
        stage, number = block.split("_")
        ends = f"{stage}_{int(number) + 1}" not in names
        before = names[f"{stage}_x" if ends else block].output


def test_weights_start_as_in_he_et_al():
    """A normal distribution of variance 2 / (inputs of a unit), drawn for each kernel."""
    kernels = []
    for weight in ResNet(18, input_shape=(32, 32, 3), classes=100).weights:
        value = numpy(weight)
        if weight.name != "kernel":
            assert (value == (weight.name in ("gamma", "moving_variance"))).all()
            continue
        n, deviation = value.size, math.sqrt(2 / math.prod(value.shape[:-1]))
        assert abs(value.std() / deviation - 1) < 4 / math.sqrt(2 * n)
        assert abs(value.mean()) < 4 * deviation / math.sqrt(n)
        assert np.abs(value).max() > 3 * deviation  # not truncated
        kernels.append(value)
    assert len(kernels) == 18 + 3
    for one, other in itertools.combinations(kernels, 2):
        assert one.shape != other.shape or not np.array_equal(one, other)


def test_the_names_people_type(short):
    """Each passes every argument on."""
    for depth, named in NAMED.items():
        check_name(depth, named)


def check_name(depth, named):
    assert shapes_only(named).name == f"resnet{depth}"
    other = {
        "shortcut": "C",
        **V15,
        "input_shape": (40, 72, 4),
        "convention": "caffe",
        "name": "mine",
        "classes": 3,
        "classifier_activation": "sigmoid",
    }
    for arguments in (other, {**other, "include_top": False, "pooling": "max"}):
        mine = shapes_only(named, **arguments)
        assert mine.to_json() == shapes_only(ResNet, depth, **arguments).to_json()
        assert mine.name == "mine"
    with pytest.raises((ValueError, OSError), match=r"missing\.weights\.h5"):
        named(input_shape=(32, 32, 1), include_top=False, weights="missing.weights.h5")


def test_names_of_the_models():
    assert shapes_only(PlainNet, 34).name == "plain34"
    assert shapes_only(ResNetCIFAR, 20).name == "resnet20_cifar"
    assert shapes_only(PlainNetCIFAR, 20).name == "plain20_cifar"


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize(("made", "read"), [("1x1", "3x3"), ("3x3", "1x1")])
def test_weights_know_their_stride_in(short, tmp_path, made, read):
    model = lively(ResNet50(stride_in=made, **short))
    x = images(2, *short["input_shape"])
    expected = numpy(model(x))
    model.save_weights(tmp_path / "model.weights.h5")
    model.save(tmp_path / "model.keras")
    other = ResNet50(stride_in=read, **short)
    refused = r"stride of \d in conv\d_1_conv\d, which has \d here.*stride_in that the weights"
    for name in ("model.weights.h5", "model.keras"):
        with pytest.raises(ValueError, match=refused):
            other.load_weights(tmp_path / name)
        with pytest.raises(ValueError, match=refused):
            ResNet50(stride_in=read, weights=tmp_path / name, **short)
        same = ResNet50(stride_in=made, weights=tmp_path / name, **short)
        np.testing.assert_allclose(numpy(same(x)), expected, rtol=1e-5)
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(numpy(loaded(x)), expected, rtol=1e-5)
    other.set_weights(model.get_weights())
    assert np.abs(numpy(other(x)) / expected - 1).max() > 0.1  # the reason


def test_basic_blocks_are_the_same_with_either_stride_in(short, tmp_path):
    model = lively(ResNet(18, stride_in="1x1", **short))
    model.save_weights(tmp_path / "model.weights.h5")
    other = ResNet(18, stride_in="3x3", weights=tmp_path / "model.weights.h5", **short)
    x = images(2, *short["input_shape"])
    np.testing.assert_allclose(numpy(other(x)), numpy(model(x)), rtol=1e-5)
    one, another = (shapes_only(ResNet, 34, stride_in=s).to_json() for s in ("1x1", "3x3"))
    assert one == another


def test_wrong_arguments():
    for depth in (20, "50", 50.0, 1202, None):
        with pytest.raises(ValueError, match=f"18, 34, 50, 101 or 152. R.*depth={depth!r}"):
            ResNet(depth)
    for depth in (50, 20, "18"):
        with pytest.raises(ValueError, match=f"`depth` must be 18 or 34.*depth={depth!r}"):
            PlainNet(depth)
    for builder in (ResNetCIFAR, PlainNetCIFAR):
        for depth in (21, 2, -4, 8.0, "20", True, None):
            with pytest.raises(ValueError, match=f"a whole number 6n \\+ 2.*depth={depth!r}$"):
                builder(depth)
    with pytest.raises(ValueError, match='`shortcut` must be "A", "B" or "C".*shortcut=\'D\''):
        ResNet50(shortcut="D")
    with pytest.raises(ValueError, match='`convention` must be "paper" or "caffe".*\'keras\''):
        ResNet50(convention="keras")
    with pytest.raises(ValueError, match='`stride_in` must be "1x1" or "3x3".*stride_in=3'):
        ResNet50(stride_in=3)
    for builder, depth in [(ResNet, 18), (PlainNet, 18), (ResNetCIFAR, 8), (PlainNetCIFAR, 8)]:
        with pytest.raises(ValueError, match="`pooling` must be None, \"avg\".*pooling='mean'"):
            shapes_only(builder, depth, include_top=False, pooling="mean")


@pytest.mark.parametrize(
    ("builder", "depth", "arguments", "smaller"),
    [
        (ResNet, 50, {"shortcut": "A"}, 32),
        (ResNet, 50, V15, 32),
        (PlainNet, 18, {}, 32),
        (ResNetCIFAR, 8, {}, 4),
    ],
)
def test_images_of_any_size(short, builder, depth, arguments, smaller):
    """Odd, not square, with and without the top: as built for this size."""
    x = images(2, 75, 50, 3)
    top = {**arguments, "classes": 5, "classifier_activation": None}
    fixed = lively(builder(depth, **top, input_shape=x.shape[1:]))
    any_size = builder(depth, **top, input_shape=(None, None, 3))
    any_size.set_weights(fixed.get_weights())
    expected = numpy(fixed(x))
    close(numpy(any_size(x)), expected, 1e-4)

    headless = {**arguments, "input_shape": (None, None, 3), "include_top": False}
    weights = fixed.get_weights()[:-2]
    maps = builder(depth, **headless)
    maps.set_weights(weights)
    assert maps.output is maps.layers[-1].output
    maps = numpy(maps(x))
    assert maps.shape[:3] == (2, -(-75 // smaller), -(-50 // smaller))
    for pooling, reduce in [("avg", np.mean), ("max", np.max)]:
        pooled = builder(depth, **headless, pooling=pooling)
        pooled.set_weights(weights)
        assert pooled.layers[-1].name == f"{pooling}_pool"
        close(numpy(pooled(x)), reduce(maps, (1, 2)), 1e-4)


def test_smallest_image():
    for builder, depth in [(ResNet, 50), (ResNetCIFAR, 20)]:
        assert shapes_only(builder, depth, input_shape=(1, 1, 1), classes=3).output_shape[1] == 3


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(short, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        models = [ResNet50(**short), ResNetCIFAR(8, classes=5), PlainNet(18, **short)]
    finally:
        keras.config.set_dtype_policy(before)
    for model in models:
        x = 10 * images(4, *model.input_shape[1:])
        scores = numpy(model(x, training=True))
        assert scores.dtype == "float32"
        assert np.isfinite(scores).all()
        assert all(np.isfinite(numpy(weight)).all() for weight in model.weights)
        assert {weight.dtype for weight in model.weights} == {"float32"}


def test_features():
    stages = ["conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    for model in [shapes_only(ResNet18), shapes_only(ResNet50, **V15), shapes_only(PlainNet, 34)]:
        maps = keras_classics.features(model).output
        assert list(maps) == stages
        assert [224 // maps[name].shape[1] for name in stages] == [4, 8, 16, 32]
        assert all(maps[name] is model.get_layer(name).output for name in stages)
    model = shapes_only(ResNetCIFAR, 20)
    maps = keras_classics.features(model).output
    assert list(maps) == stages[:3]
    assert [32 // maps[name].shape[1] for name in stages[:3]] == [1, 2, 4]


def test_depth_is_not_limited_by_recursion():
    """Keras walks networks by recursion; Python's usual limit is 1000 calls,
    here it is 400.

    The limit is another while a network is built, and in a context of one's own for the rest.
    A `.keras` file is loaded from the same JSON.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        model = shapes_only(ResNetCIFAR, 110)
        text = model.to_json()
        assert sys.getrecursionlimit() == 400
        with pytest.raises(RecursionError):
            shapes_only(keras.models.model_from_json, text)
        for again in (
            lambda: keras.models.model_from_json(text),
            lambda: keras.models.clone_model(model),
        ):
            with deep_recursion(110):
                assert len(shapes_only(again).layers) == len(model.layers)
            assert sys.getrecursionlimit() == 400
        with pytest.raises(ValueError, match="mine"), deep_recursion():
            raise ValueError(f"mine, at {sys.getrecursionlimit()}")
        assert sys.getrecursionlimit() == 400
        sys.setrecursionlimit(9000)
        with deep_recursion(110):
            assert sys.getrecursionlimit() == 9000  # never lower
    finally:
        sys.setrecursionlimit(before)


def test_training_is_not_limited_by_recursion():
    """At a limit at which Keras cannot build the network again. Seen with 1202 layers, too."""
    model = ResNetCIFAR(80, input_shape=(8, 8, 3))
    model.compile("sgd", "sparse_categorical_crossentropy")
    config, kernel = model.to_json(), model.get_layer("conv1").kernel
    before, start = sys.getrecursionlimit(), numpy(kernel)
    sys.setrecursionlimit(300)
    try:
        with pytest.raises(RecursionError):
            keras.models.model_from_json(config)
        assert np.isfinite(model.train_on_batch(images(2, 8, 8, 3), np.array([1, 2])))
    finally:
        sys.setrecursionlimit(before)
    assert np.isfinite(numpy(kernel)).all()
    assert (numpy(kernel) != start).any()


def test_learns():
    """The loss of a few images falls, and every weight moves."""
    model = ResNetCIFAR(8, input_shape=(16, 12, 3), classes=3)
    x, y = images(12, 16, 12, 3), np.arange(12) % 3
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    weights = model.get_weights()
    history = model.fit(x, y, batch_size=12, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert all((new != old).any() for new, old in zip(model.get_weights(), weights, strict=True))


def test_guided_backpropagation_finds_each_relu():
    """Tools look for the attribute `activation`, which Keras's layer `ReLU` has not."""
    for model in (ResNetCIFAR(8), ResNet(50, input_shape=(32, 32, 3), include_top=False)):
        relus = [layer for layer in model.layers if layer.name.endswith("_relu")]
        relus.append(model.get_layer("conv2_1"))
        assert all(layer.activation is keras.activations.relu for layer in relus)
