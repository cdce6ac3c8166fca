"""VGG against its paper, and against keras.applications."""

import math

import keras
import numpy as np
import pytest

from keras_classics.analysis import count
from keras_classics.applications import VGG, VGG11, VGG13, VGG16, VGG19, vgg
from keras_classics.applications.vgg import GAUSSIAN, dense, grow

# Table 1's columns as printed, from top to bottom; "/" is a maxpool, and the three
# fully connected layers and the soft-max follow. Then the weight layers, the exact
# number of parameters, Table 2's in millions, and the multiply-adds for one image.
TABLES = {
    "A": (
        "conv3-64 / conv3-128 / conv3-256 conv3-256 / conv3-512 conv3-512 / conv3-512 conv3-512 /",
        (11, 132_863_336, 133, 7_609_090_048),
    ),
    "A-LRN": (
        "conv3-64 LRN / conv3-128 / conv3-256 conv3-256 / conv3-512 conv3-512 "
        "/ conv3-512 conv3-512 /",
        (11, 132_863_336, 133, 7_609_090_048),
    ),
    "B": (
        "conv3-64 conv3-64 / conv3-128 conv3-128 / conv3-256 conv3-256 / conv3-512 conv3-512 "
        "/ conv3-512 conv3-512 /",
        (13, 133_047_848, 133, 11_308_466_176),
    ),
    "C": (
        "conv3-64 conv3-64 / conv3-128 conv3-128 / conv3-256 conv3-256 conv1-256 "
        "/ conv3-512 conv3-512 conv1-512 / conv3-512 conv3-512 conv1-512 /",
        (16, 133_638_952, 134, 11_770_888_192),
    ),
    "D": (
        "conv3-64 conv3-64 / conv3-128 conv3-128 / conv3-256 conv3-256 conv3-256 "
        "/ conv3-512 conv3-512 conv3-512 / conv3-512 conv3-512 conv3-512 /",
        (16, 138_357_544, 138, 15_470_264_320),
    ),
    "E": (
        "conv3-64 conv3-64 / conv3-128 conv3-128 / conv3-256 conv3-256 conv3-256 conv3-256 "
        "/ conv3-512 conv3-512 conv3-512 conv3-512 / conv3-512 conv3-512 conv3-512 conv3-512 /",
        (19, 143_667_240, 144, 19_632_062_464),
    ),
}
NAMED = {"A": VGG11, "B": VGG13, "D": VGG16, "E": VGG19}
numpy = keras.ops.convert_to_numpy


def shapes_only(builder, *arguments, **more):
    with keras.StatelessScope(initialize_variables=False):
        return builder(*arguments, **more)


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def lively(model):
    """Weights at which every layer, bias and class shows in the output."""
    rng = np.random.default_rng(1)

    def draw(shape):
        deviation = 0.2 if len(shape) == 1 else math.sqrt(2 / math.prod(shape[:-1]))
        return deviation * rng.standard_normal(shape, "float32")

    model.set_weights([draw(weight.shape) for weight in model.weights])
    return model


def up_to(model, name):
    return keras.Model(model.input, model.get_layer(name).output)


@pytest.fixture(scope="module")
def small():
    """Net A with a top over 2x1 positions."""
    return lively(VGG("A", input_shape=(64, 32, 2), classes=7))


def words(layer):
    """A layer as Table 1 prints it."""
    if isinstance(layer, keras.layers.Conv2D):
        assert layer.padding == "same"
        assert layer.kernel_size[0] == layer.kernel_size[1]
        assert layer.strides == (1, 1)
        assert layer.activation is keras.activations.relu
        return f"conv{layer.kernel_size[0]}-{layer.filters}"
    if isinstance(layer, keras.layers.MaxPooling2D):
        assert layer.pool_size == layer.strides == (2, 2)
        return "/"
    if isinstance(layer, keras.layers.Dense):
        return f"FC-{layer.units} {layer.activation.__name__}"
    if isinstance(layer, keras.layers.Dropout):
        return f"dropout-{layer.rate}"
    return {"LocalResponseNormalization": "LRN"}.get(type(layer).__name__)


@pytest.mark.parametrize("configuration", TABLES)
def test_table_1(configuration):
    printed, (weight_layers, parameters, millions, macs) = TABLES[configuration]
    model = shapes_only(VGG, configuration)
    top = "FC-4096 relu dropout-0.5 FC-4096 relu dropout-0.5 FC-1000 softmax"
    assert " ".join(filter(None, map(words, model.layers))) == f"{printed} {top}"

    rows = count(model)
    assert sum(row.parameters > 0 for row in rows) == weight_layers
    assert sum(row.parameters for row in rows) == parameters == model.count_params()
    assert round(parameters / 1e6) == millions
    assert sum(row.macs for row in rows) == macs


def test_names_and_sizes():
    """Each stage halves the image; the names count stages and layers."""
    layers = {layer.name: layer.output.shape[1:] for layer in shapes_only(VGG, "D").layers}
    assert layers == {
        "image": (224, 224, 3),
        **dict.fromkeys(["conv1_1", "conv1_2"], (224, 224, 64)),
        "pool1": (112, 112, 64),
        **dict.fromkeys(["conv2_1", "conv2_2"], (112, 112, 128)),
        "pool2": (56, 56, 128),
        **dict.fromkeys(["conv3_1", "conv3_2", "conv3_3"], (56, 56, 256)),
        "pool3": (28, 28, 256),
        **dict.fromkeys(["conv4_1", "conv4_2", "conv4_3"], (28, 28, 512)),
        "pool4": (14, 14, 512),
        **dict.fromkeys(["conv5_1", "conv5_2", "conv5_3"], (14, 14, 512)),
        "pool5": (7, 7, 512),
        "flatten": (25_088,),
        **dict.fromkeys(["fc6", "dropout6", "fc7", "dropout7"], (4096,)),
        "predictions": (1000,),
    }


@pytest.mark.parametrize("configuration", NAMED)
def test_the_names_people_type(configuration):
    """Each passes every argument on."""
    named = NAMED[configuration]
    assert shapes_only(named).to_json() == shapes_only(VGG, configuration).to_json()
    other = {
        "input_shape": (40, 72, 4),
        "kernel_initializer": "he_normal",
        "name": "mine",
        "classes": 3,
        "classifier_activation": "sigmoid",
    }
    for arguments in (other, {**other, "include_top": False, "pooling": "max"}):
        mine = shapes_only(named, **arguments)
        assert mine.to_json() == shapes_only(VGG, configuration, **arguments).to_json()
        assert mine.name == "mine"
    with pytest.raises((ValueError, OSError), match=r"missing\.weights\.h5"):
        named(input_shape=(32, 32, 1), include_top=False, weights="missing.weights.h5")


def test_names_of_the_models():
    assert shapes_only(VGG19).name == "vgg_e"
    assert shapes_only(VGG, "A-LRN").name == "vgg_a_lrn"


@pytest.mark.parametrize("configuration", ["D", "E"])
def test_convolutions_are_those_of_keras_applications(configuration):
    theirs = {"D": keras.applications.VGG16, "E": keras.applications.VGG19}[configuration]
    shape = (64, 40, 3)
    expected = theirs(include_top=False, weights=None, input_shape=shape)
    ours = lively(VGG(configuration, include_top=False, input_shape=shape))
    expected.set_weights(ours.get_weights())
    x = images(2, *shape)
    np.testing.assert_allclose(numpy(ours(x)), numpy(expected(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_whole_net_is_that_of_keras_applications():
    """D, on an image whose maps are no square before `fc6`; E in `weights/test_peers.py`."""
    shape = (64, 96, 3)
    expected = keras.applications.VGG16(weights=None, input_shape=shape, classes=10)
    ours = lively(VGG("D", input_shape=shape, classes=10))
    expected.set_weights(ours.get_weights())
    x = images(2, *shape)
    scores = numpy(expected(x))
    assert np.ptp(scores) > 0.1
    np.testing.assert_allclose(numpy(ours(x)), scores, rtol=1e-3)


@pytest.mark.parametrize("shape", [(32, 32, 1), (75, 40, 4)])
@pytest.mark.parametrize("configuration", ["A-LRN", "C"])
def test_other_images(configuration, shape):
    """Non-square, of odd size, of other channels: pools drop the last odd row."""
    model = lively(VGG(configuration, include_top=False, input_shape=shape))
    maps = numpy(model(images(2, *shape)))
    assert maps.shape == (2, shape[0] // 32, shape[1] // 32, 512)
    any_size = VGG(configuration, include_top=False, input_shape=(None, None, shape[2]))
    any_size.set_weights(model.get_weights())
    np.testing.assert_allclose(numpy(any_size(images(2, *shape))), maps, rtol=1e-4, atol=1e-5)


def test_dropout_is_there_in_training(small):
    x = images(16, 64, 32, 2)
    for fc, dropout in [("fc6", "dropout6"), ("fc7", "dropout7")]:
        network = keras.Model(
            small.input, [small.get_layer(fc).output, small.get_layer(dropout).output]
        )
        before, after = map(numpy, network(x, training=True))
        ratio = after[before > 0] / before[before > 0]
        assert np.logical_or(ratio == 0, np.isclose(ratio, 2)).all()
        assert 0.48 < (ratio == 0).mean() < 0.52
        before, after = map(numpy, network(x))
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_learns():
    """Every weight moves, and the loss of a few images falls."""
    shape = (32, 32, 1)
    model = VGG("A-LRN", input_shape=shape, classes=3, kernel_initializer="he_normal")
    x, y = images(6, *shape), np.arange(6) % 3
    model.compile(keras.optimizers.Adam(3e-5), "sparse_categorical_crossentropy")
    weights, loss = model.get_weights(), model.evaluate(x, y, verbose=0)
    model.fit(x, y, batch_size=6, epochs=8, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.85 * loss
    assert all((new != old).any() for new, old in zip(model.get_weights(), weights, strict=True))


def test_lrn_follows_the_first_relu():
    """A-LRN divides A's conv1_1 by the energy of five channels, and shares its weights."""
    shape = (32, 48, 3)
    plain = lively(VGG("A", include_top=False, input_shape=shape))
    normalized = VGG("A-LRN", include_top=False, input_shape=shape)
    normalized.set_weights(plain.get_weights())
    x = 128 * images(2, *shape)
    a = numpy(up_to(plain, "conv1_1")(x))
    expected = np.empty_like(a)
    for i in range(64):
        energy = sum(a[..., j] ** 2 for j in range(max(0, i - 2), min(63, i + 2) + 1))
        expected[..., i] = a[..., i] / (2 + 1e-4 * energy) ** 0.75
    np.testing.assert_allclose(numpy(up_to(normalized, "lrn1")(x)), expected, rtol=1e-4)
    pooled = expected.reshape(2, 16, 2, 24, 2, 64).max((2, 4))
    np.testing.assert_allclose(numpy(up_to(normalized, "pool1")(x)), pooled, rtol=1e-4)


def test_scores_before_the_softmax(small):
    scores = VGG("A", input_shape=(64, 32, 2), classes=7, classifier_activation=None)
    scores.set_weights(small.get_weights())
    x = images(3, 64, 32, 2)
    powers = np.exp(numpy(scores(x)))
    expected = powers / powers.sum(-1, keepdims=True)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(numpy(small(x)), expected, rtol=1e-4)


def test_both_starts():
    """Section 3.1: a variance of 1e-2 as printed, or Glorot's; biases at 0."""
    for initializer, deviation in [
        (GAUSSIAN, lambda kernel: 0.1),
        ("glorot_uniform", lambda kernel: math.sqrt(2 / sum(fans(kernel)))),
    ]:
        model = VGG("A", input_shape=(32, 32, 3), classes=100, kernel_initializer=initializer)
        kernels = [numpy(w) for w in model.weights if w.name == "kernel"]
        assert len(kernels) == 11
        for kernel in kernels:
            assert kernel.std() == pytest.approx(deviation(kernel), rel=0.06)
            assert abs(kernel.mean()) < 0.1 * kernel.std()
        assert not any(numpy(w).any() for w in model.weights if w.name == "bias")
        firsts = {round(float(k.ravel()[0] / k.std()), 5) for k in kernels}
        assert len(firsts) == 11


def fans(kernel):
    field = math.prod(kernel.shape[:-2])
    return field * kernel.shape[-2], field * kernel.shape[-1]


@pytest.mark.parametrize("configuration", ["B", "E"])
def test_grow_carries_seven_layers(small, configuration):
    before = small.get_weights()
    deeper = grow(small, configuration)
    assert shapes_of(deeper) == shapes_of(
        shapes_only(VGG, configuration, input_shape=(64, 32, 2), classes=7)
    )
    carried = set()
    for layer in deeper.layers:
        if not layer.weights:
            continue
        kernel, bias = layer.get_weights()
        if bias.any():
            carried.add(layer.name)
            for mine, its in zip(
                (kernel, bias), small.get_layer(layer.name).get_weights(), strict=True
            ):
                np.testing.assert_array_equal(mine, its)
        else:
            assert kernel.std() == pytest.approx(0.1, rel=0.02)
    assert carried == {"conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "predictions"}

    deeper.set_weights([np.zeros_like(value) for value in deeper.get_weights()])
    for mine, its in zip(small.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, its)


def shapes_of(model):
    return [(layer.name, layer.output.shape, len(layer.weights)) for layer in model.layers]


def test_grow_keeps_the_head_of_the_model():
    model = VGG("A", input_shape=(32, 32, 1), classes=3, classifier_activation="sigmoid")
    assert grow(model, "C").get_layer("predictions").activation is keras.activations.sigmoid


def test_dense_is_the_model_on_an_image_of_its_size(small):
    x = images(3, 64, 32, 2)
    expected = numpy(small(x))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(numpy(dense(small)(x)), expected, rtol=1e-4)
    np.testing.assert_allclose(dense(small).predict(x, verbose=0), expected, rtol=1e-4)


def test_dense_slides_the_top_over_the_maps_of_the_whole_image(small):
    """Each window of 2x1 positions of pool5 through the dense layers in NumPy."""
    shape = (130, 100, 2)
    whole = VGG("A", include_top=False, input_shape=shape)
    whole.set_weights(small.get_weights()[:16])
    x = images(2, *shape)
    maps = numpy(whole(x))
    assert maps.shape == (2, 4, 3, 512)
    weights = [small.get_layer(name).get_weights() for name in ("fc6", "fc7", "predictions")]
    (w6, b6), (w7, b7), (w8, b8) = weights

    score_map = np.empty((2, 3, 3, 7))
    for row, column in np.ndindex(3, 3):
        window = maps[:, row : row + 2, column : column + 1].reshape(2, -1)
        hidden = np.maximum(np.maximum(window @ w6 + b6, 0) @ w7 + b7, 0)
        score_map[:, row, column] = hidden @ w8 + b8
    scores = score_map.mean((1, 2))
    posteriors = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)

    network = dense(small)
    for name, expected in [
        ("score_map", score_map),
        ("scores", scores),
        ("posteriors", posteriors),
    ]:
        actual = numpy(up_to(network, name)(x))
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)
    assert network.output_shape == (None, 7)
    np.testing.assert_allclose(numpy(network(x)), posteriors, rtol=1e-3)


@pytest.mark.parametrize(
    ("convention", "pool5", "score_map"), [("paper", (4, 5), (3, 5)), ("caffe", (4, 6), (3, 6))]
)
def test_dense_rounds_down_or_as_caffe_up(convention, pool5, score_map, small):
    """128x171: the half of 256x341, whose map is 5 wide at Caffe, 4 else, by windows of 7."""
    network = dense(small, convention)
    x = images(1, 128, 171, 2)
    maps = numpy(up_to(network, "pool5")(x))
    assert maps.shape[1:3] == pool5
    assert up_to(network, "score_map")(x).shape[1:3] == score_map
    before = numpy(up_to(network, "conv5_2")(x))
    rows, columns = before.shape[1:3]
    for row, column in np.ndindex(*pool5):  # a window may hang over the edge
        window = before[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(maps[:, row, column], window.max((1, 2)))
    assert columns == (11 if convention == "caffe" else 10)
    assert rows == 8


def test_dense_has_two_conventions(small):
    with pytest.raises(ValueError, match='must be "paper" or "caffe". Received: convention=.torch'):
        dense(small, "torch")


def test_dense_of_every_layer():
    """LRN and 1x1 convolutions come along; the linear head stays linear; weights are copies."""
    x = 100 * images(1, 32, 32, 3)
    for configuration in ("A-LRN", "C"):
        model = lively(
            VGG(configuration, input_shape=(32, 32, 3), classes=4, classifier_activation=None)
        )
        network = dense(model)
        expected = numpy(model(x))
        np.testing.assert_allclose(numpy(network(x)), expected, rtol=1e-3, atol=1e-3)
        model.set_weights([np.zeros_like(value) for value in model.get_weights()])
        np.testing.assert_allclose(numpy(network(x)), expected, rtol=1e-3, atol=1e-3)


def test_dense_loads_again(small, tmp_path):
    network = dense(small)
    x = images(1, 70, 64, 2)
    network.save(tmp_path / "dense.keras")
    loaded = keras.saving.load_model(tmp_path / "dense.keras", safe_mode=True)
    np.testing.assert_allclose(numpy(loaded(x)), numpy(network(x)), rtol=1e-5)


def test_dense_refuses_smaller_images(small):
    network = dense(small)
    with pytest.raises(Exception, match=r"fc6|Conv2D"):
        network.predict(images(1, 32, 32, 2), verbose=0)


@pytest.mark.slow
def test_dense_at_224(monkeypatch):
    """The 7x7 kernel of the paper, on the crop and on a larger image."""
    monkeypatch.setattr(vgg, "UNITS", 64)
    model = lively(VGG("A", classes=10))
    network = dense(model)
    assert network.get_layer("fc6").kernel.shape == (7, 7, 512, 64)
    x = images(1, 224, 224, 3)
    np.testing.assert_allclose(numpy(network(x)), numpy(model(x)), rtol=1e-3)
    score_map = up_to(network, "score_map")(images(1, 384, 384, 3))
    assert score_map.shape == (1, 6, 6, 10)


def test_scores_are_float32_in_mixed_precision(small):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = VGG("A", input_shape=(32, 32, 1), classes=3)
        network = dense(model)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("fc7").compute_dtype == network.get_layer("fc7").compute_dtype
    assert model.get_layer("fc7").compute_dtype == "bfloat16"
    assert {model.output.dtype, network.output.dtype} == {"float32"}
    assert network.get_layer("score_map").compute_dtype == "float32"


def test_wrong_arguments(small):
    with pytest.raises(ValueError, match='"A-LRN", "B", "C", "D" or "E".*configuration=.F.'):
        VGG("F")
    with pytest.raises(ValueError, match=r"at least 32x32.*input_shape=\(224, 31, 3\)"):
        VGG("A", input_shape=(224, 31, 3))
    with pytest.raises(ValueError, match=r"`dense`.*input_shape=\(None, 224, 3\)"):
        VGG("A", input_shape=(None, 224, 3))
    with pytest.raises(ValueError, match='`pooling` must be None, "avg" or "max"'):
        shapes_only(VGG, "A", include_top=False, pooling="mean")
    headless = shapes_only(VGG, "A", include_top=False)
    for use in (dense, lambda model: grow(model, "B")):
        for model in (headless, shapes_only(keras.applications.VGG16, weights=None)):
            with pytest.raises(ValueError, match=r"must be one that `VGG` built.*fc6, fc7"):
                use(model)
        with pytest.raises(ValueError, match=r"without the layers predictions$"):
            use(dense(small))
    with pytest.raises(ValueError, match="configuration='F'"):
        grow(small, "F")
