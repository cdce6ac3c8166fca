"""Fused models against the models that they stand for."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_classics as kc
from keras_classics.applications import ViT
from keras_classics.layers import (
    BatchNormalization,
    CoveringConv2D,
    GroupedConv2D,
    MapConv2D,
    StandardizedConv2D,
    SymmetricConv2D,
)
from keras_classics.surgery import fuse

numpy = keras.ops.convert_to_numpy
rng = np.random.default_rng(0)

# Every layer that takes over a batch normalization, with another number of maps than channels.
LAYERS = {
    "dense": (layers.Dense, {"units": 5}, (4,)),
    "dense of rows": (layers.Dense, {"units": 5}, (6, 4)),
    "1d": (
        layers.Conv1D,
        {"filters": 5, "kernel_size": 3, "padding": "causal", "dilation_rate": 2},
        (9, 4),
    ),
    "2d": (
        layers.Conv2D,
        {"filters": 6, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
        (7, 9, 4),
    ),
    "groups": (layers.Conv2D, {"filters": 6, "kernel_size": 3, "groups": 2}, (7, 9, 4)),
    "3d": (layers.Conv3D, {"filters": 3, "kernel_size": 2}, (4, 5, 3, 2)),
    "depthwise 1d": (
        layers.DepthwiseConv1D,
        {"kernel_size": 3, "depth_multiplier": 2},
        (8, 3),
    ),
    "depthwise 2d": (
        layers.DepthwiseConv2D,
        {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
        (7, 6, 3),
    ),
    "separable 1d": (layers.SeparableConv1D, {"filters": 5, "kernel_size": 3}, (8, 3)),
    "separable 2d": (
        layers.SeparableConv2D,
        {"filters": 5, "kernel_size": 3, "depth_multiplier": 2},
        (7, 6, 3),
    ),
    "transpose 1d": (
        layers.Conv1DTranspose,
        {"filters": 5, "kernel_size": 3, "strides": 2},
        (5, 3),
    ),
    "transpose 2d": (
        layers.Conv2DTranspose,
        {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same"},
        (4, 5, 3),
    ),
    "transpose 3d": (layers.Conv3DTranspose, {"filters": 3, "kernel_size": 2}, (3, 4, 2, 2)),
    "covering": (CoveringConv2D, {"filters": 5, "kernel_size": (5, 4)}, (5, 4, 3)),
    "towers": (GroupedConv2D, {"filters": 6, "kernel_size": 3, "groups": 2}, (7, 5, 4)),
    "symmetric": (SymmetricConv2D, {"filters": 4, "kernel_size": 3, "strides": 2}, (9, 8, 3)),
    "standardized": (StandardizedConv2D, {"filters": 6, "kernel_size": 3, "groups": 2}, (6, 7, 4)),
}

# Those that take over the normalization of their input: changes to the above.
READERS = {
    "dense": {"activation": "tanh"},
    "dense of rows": {},
    "1d": {"padding": "valid"},
    "2d": {"padding": "valid", "activation": "tanh"},
    "2d of one": LAYERS["2d"][1] | {"kernel_size": 1},
    "groups": {},
    "3d": {},
    "depthwise 1d": {},
    "depthwise 2d": {"padding": "valid"},
    "covering": {},
    "towers": {},
    "symmetric": {"kernel_size": 1},
    "standardized": {"padding": "valid"},
}


def lively(model):
    """Weights and statistics at random; variances and factors far from 1."""
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            value = rng.uniform(0.3, 3, weight.shape)
        elif "kernel" in weight.name:
            value = rng.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape)
        elif weight.name in ("beta", "bias", "moving_mean"):
            value = rng.normal(size=weight.shape)
        else:
            continue
        weight.assign(value)
    return model


def every_layer(model):
    for layer in model.layers:
        yield layer
        yield from every_layer(layer) if isinstance(layer, keras.Model) else ()


def left(model):
    """The names of the batch normalizations that a model has."""
    normalizations = keras.layers.BatchNormalization
    return {layer.name for layer in every_layer(model) if isinstance(layer, normalizations)}


def images(shape):
    return rng.normal(size=shape).astype("float32")


def assert_same(model, fused, rtol=1e-5):
    """Equal outputs, element for element, to a share of their deviation."""
    tensors = keras.tree.map_structure(lambda x: images((3, *x.shape[1:])), fused.input)
    expected, actual = model(tensors), fused(tensors)
    keras.tree.assert_same_structure(expected, actual)
    for one, other in zip(keras.tree.flatten(expected), keras.tree.flatten(actual), strict=True):
        assert other.dtype == one.dtype
        one, other = numpy(one).astype("float64"), numpy(other).astype("float64")
        assert one.std() > 0.1
        np.testing.assert_allclose(other, one, rtol=rtol, atol=rtol * one.std())


def conv(x, filters=4, size=3, **more):
    return layers.Conv2D(filters, size, **{"padding": "same", **more})(x)


def norm(x, name=None, **more):
    return layers.BatchNormalization(name=name, **more)(x)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("case", LAYERS)
def test_layers(case, use_bias):
    kind, config, shape = LAYERS[case]
    image = keras.Input(shape)
    x = kind(**config, use_bias=use_bias, name="conv")(image)
    model = lively(keras.Model(image, layers.BatchNormalization(epsilon=0.1)(x)))
    fused = fuse(model)
    assert_same(model, fused)

    before, after = model.get_layer("conv").get_config(), fused.get_layer("conv").get_config()
    if kind is StandardizedConv2D:
        kind = layers.Conv2D
        del before["epsilon"]
    assert [type(layer) for layer in fused.layers] == [layers.InputLayer, kind]
    assert after == {**before, "use_bias": True}


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("case", READERS)
def test_readers(case, use_bias):
    """A normalization before a layer, and one after it where the layer is linear, and its ReLU."""
    kind, config, shape = LAYERS[case.removesuffix(" of one")]
    config = config | READERS[case]
    image = keras.Input(shape)
    x = kind(**config, use_bias=use_bias, name="conv")(norm(image))
    if "activation" not in config:
        x = layers.ReLU()(norm(x))
    model = lively(keras.Model(image, x))
    fused = fuse(model)
    assert [layer.name for layer in fused.layers[1:]] == ["conv"]
    assert_same(model, fused)


def test_all_classes_are_tested():
    from keras_classics.surgery import fusing

    assert {kind for kind, _, _ in LAYERS.values()} == set(fusing.FOLDABLE)
    assert {LAYERS[case.removesuffix(" of one")][0] for case in READERS} == set(fusing.READERS)


def flat(x, **more):
    return layers.Flatten(**more)(x)


def dense(x, **more):
    return layers.Dense(5, **more)(x)


# What has a normalization `k` that stays, since its reader would be another function.
KEPT = {
    "zeros around": lambda x: conv(norm(x, "k")),
    "causal": lambda x: layers.Conv1D(4, 3, padding="causal")(norm(x[:, 0], "k")),
    "transposed": lambda x: layers.Conv2DTranspose(4, 3)(norm(x, "k")),
    "padded symmetrically": lambda x: SymmetricConv2D(4, 3)(norm(x, "k")),
    "separable": lambda x: layers.SeparableConv2D(4, 3)(norm(x, "k")),
    "other axis": lambda x: conv(norm(x, "k", axis=1), padding="valid"),
    "other axis, flat": lambda x: dense(flat(norm(x, "k", axis=1))),
    "channels first": lambda x: dense(flat(norm(x, "k"), data_format="channels_first")),
    "used twice": lambda x: [y := norm(x, "k"), dense(flat(y))][1] + layers.Flatten()(y)[:, :5],
    "flat used twice": lambda x: [y := flat(norm(x, "k")), dense(y)][1] + y[:, :5],
    "ReLU between": lambda x: dense(flat(layers.ReLU()(norm(x, "k")))),
    "other dtype": lambda x: dense(norm(x, "k", dtype="mixed_bfloat16"), dtype="float32"),
    "integers": lambda x: dense(norm(keras.ops.cast(4 * x, "int32"), "k")),
    "used twice, the layer": lambda x: [d := layers.Dense(4), d(d(norm(x, "k")))][1],
    "another class": lambda x: Halved(4, 3)(norm(x, "k")),
}


@pytest.mark.parametrize("case", KEPT)
def test_normalizations_that_stay(case):
    image = keras.Input((6, 5, 4))
    model = lively(keras.Model(image, KEPT[case](image)))
    fused = fuse(model)
    assert left(fused) == {"k"}
    assert_same(model, fused, rtol=0.05 if case == "other dtype" else 1e-5)


def test_through_flatten():
    """Each value of a flattened map has the factor of its channel."""
    image = keras.Input((6, 5, 4))
    x = norm(conv(image, activation="relu"))
    model = lively(keras.Model(image, norm(dense(flat(x), name="dense"))))
    fused = fuse(model)
    assert left(fused) == set()
    assert_same(model, fused)
    x = norm(flat(conv(image, activation="relu")))  # a factor for each value
    model = lively(keras.Model(image, dense(x, activation="relu")))
    assert left(fuse(model)) == set()
    assert_same(model, fuse(model))


RELUS = {
    "layer": lambda x: layers.ReLU(name="r")(x),
    "activation": lambda x: layers.Activation("relu", name="r")(x),
    "normalized": lambda x: layers.ReLU(name="r")(norm(x)),
}
OTHERS = {
    "bounded": lambda x: layers.ReLU(max_value=6.0, name="r")(x),
    "leaky": lambda x: layers.ReLU(negative_slope=0.1, name="r")(x),
    "threshold": lambda x: layers.ReLU(threshold=0.5, name="r")(x),
    "tanh": lambda x: layers.Activation("tanh", name="r")(x),
    "used twice": lambda x: layers.ReLU(name="r")(x) + 0.5 * x,
    "called twice": lambda x: [r := layers.ReLU(name="r"), norm(r(r(x) - 1))][1],
    "other dtype": lambda x: layers.ReLU(name="r", dtype="float16")(x),
    "activation before": lambda x: layers.ReLU(name="r")(layers.Activation("tanh")(x)),
}


@pytest.mark.parametrize("case", [*RELUS, *OTHERS])
def test_relus(case):
    """A ReLU becomes the activation of the layer before it; no other activation does."""
    image = keras.Input((6, 5, 3))
    model = lively(keras.Model(image, (RELUS | OTHERS)[case](conv(image, name="conv"))))
    fused = fuse(model)
    assert ("r" in {layer.name for layer in fused.layers}) is (case in OTHERS)
    activation = keras.activations.serialize(fused.get_layer("conv").activation)
    assert activation == ("relu" if case in RELUS else "linear")
    assert_same(model, fused, rtol=0.01 if case == "other dtype" else 1e-5)


def test_nothing_is_folded_after_a_relu():
    image = keras.Input((6, 5, 4))
    x = norm(layers.ReLU()(conv(image)), "k")
    model = lively(keras.Model(image, layers.ReLU(name="r")(x)))
    fused = fuse(model)
    assert left(fused) == {"k"}
    assert fused.get_layer("r")
    assert_same(model, fused)


def test_standardized_kernels_become_plain_ones():
    """Without a normalization too; rounded once, to a precision."""
    image = keras.Input((6, 5, 3))
    model = lively(keras.Model(image, StandardizedConv2D(4, 3, name="conv", epsilon=0.1)(image)))
    w = model.get_layer("conv").get_weights()[0].astype("float64")
    expected = (w - w.mean((0, 1, 2))) / (w.std((0, 1, 2)) + 0.1)
    folded = fuse(model).get_layer("conv")
    assert type(folded) is layers.Conv2D
    assert not folded.use_bias
    np.testing.assert_allclose(folded.get_weights()[0], expected, rtol=1e-6, atol=1e-7)
    assert_same(model, fuse(model))


@pytest.mark.parametrize("kind", [layers.BatchNormalization, BatchNormalization])
@pytest.mark.parametrize("switches", [{}, {"center": False}, {"scale": False}, {"renorm": True}])
def test_equation(kind, switches):
    """The weights, from the equation in NumPy."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(5), kind(epsilon=0.2, **switches)])
    lively(model)
    dense, norm = model.layers
    w, b = map(numpy, (dense.kernel, dense.bias))
    gamma = numpy(norm.gamma) if norm.scale else 1
    beta = numpy(norm.beta) if norm.center else 0
    deviation = np.sqrt(numpy(norm.moving_variance) + 0.2)
    fused = fuse(model)
    kernel, bias = fused.get_layer(dense.name).get_weights()
    np.testing.assert_allclose(kernel, w / deviation * gamma, rtol=1e-6)
    expected = (b - numpy(norm.moving_mean)) / deviation * gamma + beta
    np.testing.assert_allclose(bias, expected, rtol=1e-5, atol=1e-6)
    assert_same(model, fused)


def can_convolve_channels_first():
    try:
        layers.Conv2D(2, 1, data_format="channels_first")(np.ones((1, 2, 3, 3), "float32"))
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    ("case", "width"), [("1d", 10), ("2d", 9), ("depthwise 2d", 9), ("transpose 2d", 4)]
)
def test_channels_first(case, width):
    if not can_convolve_channels_first():
        pytest.skip("the backend has no convolution of channels first on this device")
    kind, config, shape = LAYERS[case]
    changes = {"padding": "valid", "data_format": "channels_first", "use_bias": False}
    image = keras.Input((shape[-1], *shape[:-2], width))
    folded = norm(kind(**{**config, **changes})(image), axis=1)
    along_width = norm(kind(**{**config, **changes})(image), "k1", axis=-1)
    model = lively(keras.Model(image, [folded, along_width]))
    assert folded.shape[1] != folded.shape[-1]
    fused = fuse(model)
    assert left(fused) == {"k1"}
    assert_same(model, fused)


@pytest.mark.parametrize("width", [5, None])
def test_channels_first_as_many_as_the_width(width):
    """Keras's bias on TensorFlow would go along the width."""
    image = keras.Input((3, 4, width))
    x = conv(image, 5, use_bias=False, data_format="channels_first")
    model = keras.Model(image, norm(x, "k1", axis=1))
    assert left(fuse(model)) == {"k1"}


def residual_net():
    """Everything at once: what can be folded is called `f...`, all else `k...`."""
    left, right = keras.Input((8, 6, 3), name="left"), keras.Input((8, 6, 3), name="right")
    x = layers.Add()([left, 0.5 * right])
    x = layers.ReLU(name="f1r")(norm(conv(x, use_bias=False), "f1"))
    y = layers.ReLU(name="f2r")(norm(x=conv(x), name="f2"))
    y = norm(layers.DepthwiseConv2D(3, padding="same")(y), "f3", scale=False)
    y = layers.Activation("relu", name="f3r")(y)
    y = norm(conv(y, groups=2), "f4", center=False)
    x = keras.ops.relu(layers.Add()([norm(conv(x, size=1), "f5"), y]))

    x = norm(conv(x, activation="relu"), "k1")
    x = norm(conv(x), "k2", axis=1)
    x = norm(x, "k3")
    x = layers.Concatenate()([norm(conv(x), "f6"), x[..., :2]])
    two = conv(x)
    x = norm(two, "k4") - two
    shared = layers.Conv2D(4, 3, padding="same")
    x = norm(shared(norm(shared(x), "k5")), "k6")
    twice = layers.BatchNormalization(name="k7")
    x = twice(conv(twice(conv(x))))
    shown = conv(x, name="shown")
    x = norm(layers.ReLU()(norm(shown, "k8")), "k9")
    pooled = layers.GlobalAveragePooling2D()(x)
    outputs = {
        "scores": norm(layers.Dense(5)(pooled), "f7"),
        "maps": [shown, layers.BatchNormalization(name="f8")(inputs=conv(x), training=False)],
    }
    return lively(keras.Model({"left": left, "right": right}, outputs, name="residual"))


def test_everything_at_once():
    model = residual_net()
    weights, config = model.get_weights(), model.get_config()
    fused = fuse(model)
    assert left(model) == {f"f{i}" for i in range(1, 9)} | {f"k{i}" for i in range(1, 10)}
    assert left(fused) == {f"k{i}" for i in range(1, 10)}
    assert_same(model, fused)

    assert fused.name == "residual"
    remaining = [layer.name for layer in model.layers if layer.name[0] != "f"]
    assert sorted(layer.name for layer in fused.layers) == sorted(remaining)
    assert [x.shape for x in fused.outputs] == [x.shape for x in model.outputs]

    assert model.get_config() == config
    for value, now in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, value)


def test_copies_share_nothing():
    model = residual_net()
    fused = fuse(model)
    x = {"left": images((2, 8, 6, 3)), "right": images((2, 8, 6, 3))}
    scores = numpy(fused(x)["scores"])
    model.set_weights([np.zeros_like(value) for value in model.get_weights()])
    np.testing.assert_array_equal(numpy(fused(x)["scores"]), scores)
    assert not {id(layer) for layer in model.layers} & {id(layer) for layer in fused.layers}


def test_loads_again(tmp_path):
    fused = fuse(residual_net())
    fused.save(tmp_path / "fused.keras")
    loaded = keras.saving.load_model(tmp_path / "fused.keras", safe_mode=True)
    assert left(loaded) == left(fused)
    assert_same(fused, loaded, rtol=1e-6)


def test_fusing_again_changes_nothing():
    fused = fuse(residual_net())
    fused.compile("sgd", "mse")
    again = fuse(fused)
    assert not again.compiled
    assert again.get_config() == fused.get_config()
    for value, now in zip(fused.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(now, value)


def test_models_within_models():
    """Of a functional, a Sequential and a shared model; none across the border of one."""
    inner = keras.Input((None, None, 4))
    block = keras.Model(inner, layers.ReLU()(norm(conv(inner), "f1")), name="block")
    image = keras.Input((8, 6, 4), name="image")
    sequence = keras.Sequential(
        [layers.Conv2D(4, 3), layers.BatchNormalization(name="f2"), block, layers.Conv2D(5, 1)],
        name="sequence",
    )
    x = norm(sequence(block(image)), "k1")
    head = keras.Sequential([norm_layer := layers.BatchNormalization(name="k2"), layers.ReLU()])
    x = head(conv(x))
    model = lively(keras.Model(image, x, name="whole"))
    assert norm_layer.name in left(model)

    fused = fuse(model)
    assert left(fused) == {"k1", "k2"}
    assert_same(model, fused)
    assert fused.get_layer("sequence").get_layer("block").count_params() == 4 * 36 + 4
    assert [layer.name for layer in fused.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("switch", [{"training": True}, {"training": False}])
def test_models_called_in_training(switch):
    """A model whose normalizations use the batch keeps them."""
    inner = keras.Input((6, 5, 4))
    block = keras.Model(inner, norm(conv(inner), "inner"))
    image = keras.Input((6, 5, 4))
    x = layers.BatchNormalization(name="outer")(conv(block(image, **switch)), **switch)
    model = lively(keras.Model(image, x))
    fused = fuse(model)
    assert left(fused) == ({"inner", "outer"} if switch["training"] else set())
    x = 3 + images((4, 6, 5, 4))
    expected = numpy(model(x))
    np.testing.assert_allclose(numpy(fused(x)), expected, rtol=1e-4, atol=1e-4)


def test_sequential():
    model = keras.Sequential(name="chain")
    for layer in (
        keras.Input((8, 6, 3), name="image", dtype="float32"),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(5),
        BatchNormalization(),
    ):
        model.add(layer)
    lively(model)
    model.compile("sgd", "mse")
    fused = fuse(model)
    assert left(fused) == set()
    assert (fused.name, fused.compiled) == ("chain", False)
    assert_same(model, fused)


class Halved(layers.Conv2D):
    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel / (1 + keras.ops.max(keras.ops.abs(kernel))))


class Shifted(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return 1 + super().call(inputs, training=training, mask=mask)


def test_unknown_classes_stay():
    image = keras.Input((6, 5, 4))
    x = norm(Halved(5, 3)(image), "k1")
    x = norm(MapConv2D(3, 2, [[0, 1], [1, 2], [4]])(x), "k2")
    x = Shifted(name="k3")(conv(x))
    model = lively(keras.Model(image, x))
    fused = fuse(model)
    assert left(fused) == {"k1", "k2", "k3"}
    assert_same(model, fused)


def test_adapters_stay():
    image = keras.Input((6,))
    dense = layers.Dense(5, name="dense")
    model = keras.Model(image, norm(dense(image), "k1"))
    dense.enable_lora(2)
    lively(model)
    fused = fuse(model)
    assert left(fused) == {"k1"}
    assert_same(model, fused)


def test_masks():
    """A mask reaches what follows; a batch normalization that is called with one stays."""
    words = keras.Input((7, 3))
    x = layers.Masking()(words)
    x = norm(layers.Dense(4)(x), "k1")
    x = layers.GlobalAveragePooling1D()(x)
    model = lively(keras.Model(words, norm(layers.Dense(5)(x), "f1")))
    fused = fuse(model)
    assert left(fused) == {"k1"}
    x = images((2, 7, 3))
    x[:, 4:] = 0
    expected = numpy(model(x))
    np.testing.assert_allclose(numpy(fused(x)), expected, rtol=1e-4, atol=1e-5)
    x[:, :5] *= 2
    assert abs(numpy(model(x)) - expected).max() > 0.1


def test_what_a_layer_learned_from_data():
    normalization = layers.Normalization()
    normalization.adapt(5 + 3 * images((50, 4)))
    image = keras.Input((4,))
    model = lively(keras.Model(image, norm(layers.Dense(5)(normalization(image)))))
    assert_same(model, fuse(model))


def test_inputs_are_kept():
    numbers = keras.Input((4,), batch_size=3, dtype="int32", name="numbers")
    more = keras.Input((5,), name="more", optional=True)
    x = norm(layers.Dense(5)(layers.Rescaling(0.5)(numbers)))
    model = lively(keras.Model([numbers, more], [x, layers.Identity()(more)]))
    fused = fuse(model)
    for name in ("numbers", "more"):
        assert fused.get_layer(name).get_config() == model.get_layer(name).get_config()
    assert [x.name for x in fused.inputs] == ["numbers", "more"]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    image = keras.Input((6, 5, 4))
    x = norm(conv(image, dtype=policy), "f1", dtype=policy)
    x = norm(conv(x, dtype=policy), "k1", dtype="float32")
    model = lively(keras.Model(image, x))
    fused = fuse(model)
    assert left(fused) == {"k1"}
    assert_same(model, fused, rtol=0.05)
    folded = fused.layers[1]
    assert folded.dtype_policy.name == policy
    assert {weight.dtype for weight in folded.weights} == {"float32"}


def test_the_fold_is_taken_in_float64():
    """The weights are the exact ones, rounded once."""
    image = keras.Input((3,))
    model = lively(keras.Model(image, norm(layers.Dense(200, name="dense")(image), "norm")))
    w, b = (v.astype("float64") for v in model.get_layer("dense").get_weights())
    gamma, beta, mean, variance = (
        v.astype("float64") for v in model.get_layer("norm").get_weights()
    )
    scale = gamma / np.sqrt(variance + 1e-3)
    kernel, bias = fuse(model).get_layer("dense").get_weights()
    np.testing.assert_array_equal(kernel, (w * scale).astype("float32"))
    np.testing.assert_array_equal(bias, (beta + (b - mean) * scale).astype("float32"))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


class Doubled(keras.Model):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


def test_wrong_arguments():
    image = keras.Input((3,))
    function = keras.Function(image, 2 * image)
    for model in (Subclassed(), keras.Sequential([layers.Dense(3)]), layers.Dense(3), function):
        with pytest.raises(ValueError, match=r"must be a functional model.*Received: model=<"):
            fuse(model)
    model = Doubled(image, layers.Dense(2)(image))
    with pytest.raises(ValueError, match=r"a `call` of its own.*of class Doubled"):
        fuse(model)


def test_a_model_within_that_computes_on_its_own_is_copied():
    inner = keras.Input((3,))
    doubled = Doubled(inner, norm(layers.Dense(4)(inner), "k1"))
    image = keras.Input((3,))
    model = lively(keras.Model(image, norm(layers.Dense(5)(doubled(image)), "f1")))
    fused = fuse(model)
    assert left(fused) == {"k1"}
    assert_same(model, fused)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stay"), [("ResNet50", 0), ("MobileNetV2", 0), ("DenseNet121", 62)]
)
def test_keras_applications(name, stay):
    """In DenseNet most come before their convolution; the stem and the bottlenecks go."""
    builder = getattr(keras.applications, name)
    model = lively(builder(weights=None, input_shape=(32, 32, 3), classifier_activation=None))
    fused = fuse(model)
    assert len(left(fused)) == stay
    assert_same(model, fused, rtol=1e-4)


def test_a_transformer_is_copied():
    """It has no batch normalization; the choice of the class token is an operation."""
    model = ViT("Mini/4", input_shape=(8, 12, 3), classes=5)
    model.layers[-1].kernel.assign(rng.normal(size=(128, 5)))
    images = rng.normal(size=(2, 8, 12, 3)).astype("float32")
    fused = fuse(model)
    assert [layer.name for layer in fused.layers] == [layer.name for layer in model.layers]
    np.testing.assert_allclose(numpy(fused(images)), numpy(model(images)), rtol=1e-4)


def _norm_at_the_end():
    image = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, use_bias=False)(layers.Conv2D(4, 1)(image))
    return keras.Model(image, layers.BatchNormalization()(x))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "build",
    [
        lambda: kc.build("resnet8_cifar"),
        lambda: kc.build("lenet5", head="softmax"),
        lambda: kc.applications.GoogLeNet(input_shape=(64, 64, 3), classes=3),
        lambda: kc.applications.ViT("Mini/4", input_shape=(16, 16, 3), classes=3),
        lambda: keras.Sequential([kc.build("resnet8_cifar", include_top=False), layers.Dense(2)]),
        _norm_at_the_end,
    ],
    ids=["resnet", "lenet5", "googlenet", "vit", "nested", "norm"],
)
def test_a_precision_of_its_own(build, policy):
    """Whatever the network was built under; the outputs are float32, of a layer in float32."""
    keras.config.set_dtype_policy(policy)
    model = build()
    if not model.built:
        model.build((None, 32, 32, 3))
    random = np.random.default_rng(0)
    for weight in model.weights:
        if "seed" not in weight.name:  # the head of a ViT begins with zeros
            value = keras.ops.convert_to_numpy(weight)
            value = value + 0.05 * random.normal(size=value.shape)
            weight.assign(np.abs(value) if "variance" in weight.name else value)
    keras.config.set_dtype_policy("float32")
    shape = model.inputs[0].shape[1:]
    image = random.uniform(-1, 1, (4, *shape)).astype("float32")
    exact = kc.fuse(model, precision="float32")
    rounded = kc.fuse(model, precision="bfloat16")
    assert {w.dtype for w in exact.weights} == {"float32"}
    assert {w.dtype for w in rounded.weights} == {"float32", "bfloat16"}
    expected, found = (keras.ops.convert_to_numpy(each(image)) for each in (exact, rounded))
    assert (expected.dtype, found.dtype) == (np.float32, np.float32)
    scale = np.abs(expected).max()
    assert 0 < np.abs(found - expected).max() < 0.1 * scale
    if policy == "float32":
        plain = keras.ops.convert_to_numpy(kc.fuse(model)(image))
        np.testing.assert_array_equal(plain, expected)


def test_a_precision_that_is_none():
    with pytest.raises(ValueError, match="precision.*int8"):
        kc.fuse(_norm_at_the_end(), precision="int8")
