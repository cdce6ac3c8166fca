"""What every layer promises, whatever its equation."""

import inspect
import json

import keras
import numpy as np
import pytest

from keras_classics import activations, layers, preprocessing
from keras_classics.activations import scaled_tanh
from keras_classics.initializers import FanInUniform, SinusoidalPositions

# Class: (every argument at a value that is not its default, input shape without the batch).
TABLE = {
    layers.AveragePooling2D: (
        {"pool_size": (2, 4), "strides": (3, 1), "padding": "valid"},
        (5, 7, 2),
    ),
    layers.BatchNormalization: ({"momentum": 0.6, "epsilon": 0.5}, (3, 5, 7)),
    layers.ClassToken: ({}, (5, 6)),
    layers.ConstantPadding2D: ({"padding": ((1, 2), (0, 3)), "value": 0.5}, (5, 7, 2)),
    layers.CoveringConv2D: (
        {
            "filters": 3,
            "kernel_size": (4, 5),
            "activation": scaled_tanh,
            "use_bias": False,
            "kernel_initializer": FanInUniform(scale=1.5, seed=1),
            "bias_initializer": keras.initializers.Constant(0.5),
        },
        (4, 5, 2),
    ),
    layers.GroupedConv2D: (
        {
            "filters": 6,
            "kernel_size": (2, 3),
            "groups": 3,
            "strides": (2, 1),
            "padding": "same",
            "activation": scaled_tanh,
        },
        (5, 8, 6),
    ),
    layers.IdentityShortcut2D: ({"filters": 4, "strides": 3}, (5, 8, 2)),
    layers.LocalResponseNormalization: (
        {"depth_radius": 1, "bias": 0.5, "alpha": 0.3, "beta": 0.6, "groups": 2},
        (3, 5, 6),
    ),
    layers.LocallyConnected2D: (
        {
            "filters": 3,
            "kernel_size": (2, 3),
            "padding": "same",
            "activation": scaled_tanh,
            "kernel_initializer": FanInUniform(scale=1.5, seed=1),
            "bias_initializer": keras.initializers.Constant(0.5),
        },
        (4, 5, 2),
    ),
    layers.MapConv2D: (
        {
            "filters": 3,
            "kernel_size": (2, 3),
            "connections": [[0, 3], [2], [1, 2, 3]],
            "strides": (2, 1),
            "padding": "same",
            "activation": scaled_tanh,
            "use_bias": False,
            "kernel_initializer": FanInUniform(scale=1.5, seed=1),
            "bias_initializer": keras.initializers.Constant(0.5),
        },
        (5, 8, 4),
    ),
    layers.MapResponseNormalization: (
        {"size": 2, "bias": 0.5, "alpha": 0.3, "beta": 0.6},
        (3, 5, 7),
    ),
    layers.MultiHeadSelfAttention: (
        {"num_heads": 3, "dropout": 0.4, "relative": True},
        (5, 12),
    ),
    layers.OverlappingMaxPooling2D: (
        {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"},
        (5, 7, 2),
    ),
    layers.PatchCorruption: (
        {"rate": 0.7, "mask_share": 0.5, "random_share": 0.3, "seed": 5},
        (5, 6),
    ),
    layers.PatchEmbedding: ({"embed_dim": 5, "patch_size": 2}, (4, 6, 3)),
    layers.PositionEmbedding: ({"initializer": SinusoidalPositions()}, (5, 6)),
    layers.PositionEmbedding2D: (
        {"grid": (2, 3), "initializer": keras.initializers.RandomNormal(stddev=0.5, seed=1)},
        (7, 6),
    ),
    layers.PairwiseScores: ({"classes": 4}, (6,)),
    layers.RBFOutput: (
        {"units": 3, "codes": [[1, -1, 1, -1], [0.5, 1, 1, 1], [-1, -1, 1, 1]], "trainable": True},
        (4,),
    ),
    layers.ScaledSubsampling2D: (
        {
            "pool_size": (2, 3),
            "activation": "tanh",
            "coefficient_initializer": keras.initializers.RandomUniform(0.1, 0.3, seed=2),
            "bias_initializer": keras.initializers.RandomNormal(seed=3),
            "depth_multiplier": 3,
        },
        (5, 7, 2),
    ),
    layers.StandardizedConv2D: (
        {
            "filters": 3,
            "kernel_size": (3, 2),
            "strides": (1, 2),
            "padding": "valid",
            "use_bias": True,
            "epsilon": 0.5,
        },
        (5, 8, 4),
    ),
    layers.SymmetricConv2D: (
        {
            "filters": 3,
            "kernel_size": (3, 5),
            "strides": (2, 2),
            "use_bias": True,
            "kernel_initializer": FanInUniform(scale=1.5, seed=1),
        },
        (5, 8, 4),
    ),
    layers.TransformerEncoderBlock: (
        {
            "num_heads": 3,
            "mlp_dim": 7,
            "dropout": 0.3,
            "stochastic_depth": 0.4,
            "activation": scaled_tanh,
            "epsilon": 0.5,
            "relative": True,
        },
        (5, 12),
    ),
    layers.UnitBias: (
        {"activation": scaled_tanh, "bias_initializer": keras.initializers.RandomNormal(seed=4)},
        (3, 5, 2),
    ),
    preprocessing.AreaAspectCrop: (
        {"size": (4, 5), "area": (0.3, 0.9), "aspect": (0.5, 1.5), "antialias": False, "seed": 6},
        (6, 9, 2),
    ),
    preprocessing.ClassifierInput: (
        {
            "resize": (12, 10),
            "crop": 7,
            "mean": [120.5, 90.25, 80.0],
            "std": [60.0, 55.5, 50.0],
            "interpolation": "bicubic",
            "antialias": False,
            "convention": "torchvision",
        },
        (5, 9, 3),
    ),
    preprocessing.CropAndFlip: ({"size": (4, 6), "padding": 2, "seed": 7}, (6, 9, 2)),
    preprocessing.PCAColorJitter: (
        {
            "sigma": 0.2,
            "reading": "eigenvalue",
            "value_range": (-1, 300),
            "deviations": [90.0, 70.0, 50.0],
            "components": [[0.0, 0.6, 0.8], [1.0, 0.0, 0.0], [0.0, -0.8, 0.6]],
            "seed": 9,
        },
        (5, 7, 3),
    ),
    preprocessing.PlanarDistortion: (
        {
            "shift": 1.5,
            "scale": 0.3,
            "squeeze": 0.2,
            "shear": 0.5,
            "background": -0.75,
            "share": 0.8,
            "seed": 5,
        },
        (6, 9, 2),
    ),
    preprocessing.RandAugment: (
        {
            "num_layers": 3,
            "magnitude": 4,
            "magnitude_std": 0.5,
            "increasing": True,
            "operations": ["rotate", "color", "cutout", "contrast"],
            "seed": 5,
        },
        (5, 7, 3),
    ),
    preprocessing.RandomErasing: (
        {"share": 0.9, "area": (0.1, 0.4), "aspect": (0.5, 1.5), "seed": 5},
        (6, 9, 2),
    ),
    preprocessing.DigitInput: (
        {"box": 6, "plane": 9, "paper": -0.5, "ink": 1.5, "centre": "box"},
        (7, 9, 1),
    ),
    preprocessing.RescaleShortSide: (
        {"short_side": (4, 40), "antialias": False, "seed": 8},
        (5, 7, 2),
    ),
    preprocessing.SubtractMean: ({"per": "channel", "mean": [120.5, 90.25]}, (5, 7, 2)),
}
# Layers that draw: each has a seed.
RANDOM = [cls for cls in TABLE if "seed" in inspect.signature(cls.__init__).parameters]
# Layers whose equation holds for pixels of 0 to 255.
PIXELS = {
    preprocessing.ClassifierInput,
    preprocessing.DigitInput,
    preprocessing.PCAColorJitter,
    preprocessing.RandAugment,
    preprocessing.SubtractMean,
}
# Layers whose output has a size that only the call knows.
OF_ANY_SIZE = {preprocessing.RescaleShortSide}
# Inputs that the defaults need, where those of the row do not do.
FOR_DEFAULTS = {preprocessing.CropAndFlip: (225, 227, 2), layers.PairwiseScores: (45,)}
# Their config adds their other arguments, and writes an integer as the pair that it stands for.
KERAS_LAYERS = (
    keras.layers.AveragePooling2D,
    keras.layers.BatchNormalization,
    keras.layers.Conv2D,
    keras.layers.MaxPooling2D,
)
# Outputs that are wider than the compute dtype, as documented.
WIDER = {layers.RBFOutput: "float32"}

every_layer = pytest.mark.parametrize("cls", TABLE, ids=lambda cls: cls.__name__)
every_random_layer = pytest.mark.parametrize("cls", RANDOM, ids=lambda cls: cls.__name__)


def make(cls, **more):
    return cls(**TABLE[cls][0], **more)


def inputs(cls, size=1.0, batch=4):
    shape = (batch, *TABLE[cls][1])
    if cls in PIXELS:
        return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    return (size * np.random.default_rng(0).uniform(-1, 1, shape)).astype("float32")


def array(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def through_json(value):
    return json.loads(json.dumps(value))


def test_every_exported_layer_is_in_the_table():
    exported = {
        getattr(module, name) for module in (layers, preprocessing) for name in module.__all__
    }
    classes = [item for item in exported if isinstance(item, type)]
    assert set(TABLE) == {
        cls
        for cls in classes
        if issubclass(cls, keras.layers.Layer) and not issubclass(cls, keras.Model)
    }


@every_layer
def test_the_row_lists_every_argument_at_another_value_than_its_default(cls):
    parameters = dict(inspect.signature(cls.__init__).parameters)
    del parameters["self"], parameters["kwargs"]
    arguments = TABLE[cls][0]
    assert set(arguments) == set(parameters)
    for name, parameter in parameters.items():
        assert arguments[name] is not parameter.default
        assert type(arguments[name]) is not parameter.default
        if isinstance(parameter.default, (bool, int, float, str)):
            assert arguments[name] != parameter.default


@every_layer
def test_config_is_the_arguments_before_and_after_the_first_call(cls):
    layer = make(cls)
    before = through_json(layer.get_config())
    layer(inputs(cls))
    config = through_json(layer.get_config())
    assert config == before
    for name, value in TABLE[cls][0].items():
        if isinstance(value, keras.initializers.Initializer):
            revived = keras.initializers.get(config[name])
            assert type(revived) is type(value)
            assert revived.get_config() == value.get_config()
        elif callable(value):
            assert activations.get(config[name]) is value
        else:
            assert config[name] == through_json(value)
    more = set(config) - {"name", "trainable", "dtype"} - set(TABLE[cls][0])
    assert more <= set(inspect.signature(cls.__base__.__init__).parameters)
    assert issubclass(cls, KERAS_LAYERS) or not more


@every_layer
def test_config_of_the_defaults_is_the_defaults(cls):
    """An integer that stands for a pair, or a `None` for a choice, stays what it is."""
    parameters = dict(inspect.signature(cls.__init__).parameters)
    del parameters["self"], parameters["kwargs"]
    required = [name for name, p in parameters.items() if p.default is inspect.Parameter.empty]
    layer = cls(**{name: TABLE[cls][0][name] for name in required})
    x = np.ones((2, *FOR_DEFAULTS[cls]), "float32") if cls in FOR_DEFAULTS else inputs(cls)
    if hasattr(layer, "adapt"):
        layer.adapt(x)
    layer(x)
    for name, parameter in parameters.items():
        if type(parameter.default) in (bool, int, float, type(None)) and name != "activation":
            value = layer.get_config()[name]
            pair = issubclass(cls, KERAS_LAYERS) and value == (parameter.default,) * 2
            assert pair or value == parameter.default


@every_layer
def test_twin_from_json_gives_the_same_output(cls):
    layer, x = make(cls), inputs(cls)
    expected = array(layer(x))
    twin = cls.from_config(through_json(layer.get_config()))
    twin.build(x.shape)
    assert [w.shape for w in twin.weights] == [w.shape for w in layer.weights]
    assert [w.trainable for w in twin.weights] == [w.trainable for w in layer.weights]
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(array(twin(x)), expected)


@every_random_layer
def test_twin_draws_alike(cls):
    """Every argument shows in a training call; the twin's draws start from the same seed."""
    layer, x = make(cls), inputs(cls, batch=16)
    twin = cls.from_config(through_json(layer.get_config()))
    np.testing.assert_array_equal(array(twin(x, training=True)), array(layer(x, training=True)))


@every_layer
def test_symbolic_shape_is_eager_shape(cls):
    x, layer = inputs(cls, batch=3), make(cls)
    symbolic = layer(keras.Input(x.shape[1:]))
    eager = layer(x)
    if cls in OF_ANY_SIZE:
        assert symbolic.shape == (None, None, None, eager.shape[-1])
    else:
        assert symbolic.shape == (None, *eager.shape[1:])
    assert keras.backend.standardize_dtype(eager.dtype) == symbolic.dtype


@every_layer
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(cls, policy):
    layer = make(cls, dtype=policy)
    training = {"training": True} if cls in RANDOM else {}
    y = layer(inputs(cls, size=1e3), **training)
    expected = WIDER.get(cls, policy.removeprefix("mixed_"))
    assert keras.backend.standardize_dtype(y.dtype) == expected
    assert np.isfinite(array(y)).all()
    assert np.abs(array(y)).max() > 0
    assert {w.dtype for w in layer.trainable_weights} <= {"float32"}
    if keras.backend.backend() != "torch":  # where Keras infers symbolic types without autocast
        assert layer(keras.Input(TABLE[cls][1])).dtype == expected


@every_layer
def test_saved_and_loaded_in_safe_mode(cls, tmp_path):
    x = inputs(cls)
    model = keras.Sequential([keras.Input(x.shape[1:]), make(cls, name="layer")])
    expected = array(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(array(loaded(x)), expected)
    assert type(loaded.get_layer("layer")) is cls
    assert through_json(loaded.get_layer("layer").get_config()) == through_json(
        model.get_layer("layer").get_config()
    )


def compiled(function):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return pytest.skip("compiled by XLA with TensorFlow and JAX only")


@every_layer
def test_compiled_is_eager(cls):
    layer, x = make(cls), keras.ops.convert_to_tensor(inputs(cls))
    expected = array(layer(x))
    atol = 1e-5 if cls in PIXELS else 1e-6  # a last digit of 255 is 1.5e-5
    np.testing.assert_allclose(array(compiled(layer)(x)), expected, rtol=1e-5, atol=atol)


@every_random_layer
def test_compiles_in_training_or_says_that_it_does_not(cls):
    """With `jit_compile="auto"`, Keras asks `supports_jit` before it compiles on a GPU."""
    layer, x = make(cls), keras.ops.convert_to_tensor(inputs(cls))
    if layer.supports_jit:
        layer.build(x.shape)
        weights, fixed = (
            [v.value for v in variables]
            for variables in (layer.trainable_variables, layer.non_trainable_variables)
        )
        call = compiled(lambda x: layer.stateless_call(weights, fixed, x, training=True)[0])
        assert np.isfinite(array(call(x))).all()


@every_layer
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_integers_are_numbers(cls, dtype):
    """They give what the same numbers give as floats, in the type that Keras expects."""
    training = {"training": True} if cls in RANDOM else {}
    x = np.random.default_rng(0).integers(0, 99 if cls in PIXELS else 9, inputs(cls).shape)

    def output(x):
        keras.utils.set_random_seed(0)
        layer = make(cls)
        layer.build(x.shape)
        for weight in layer.trainable_weights:  # some begin with zeros, which are integers
            weight.assign(weight + 0.3)
        return layer(x, **training)

    found, expected = output(x.astype(dtype)), output(x.astype("float32"))
    np.testing.assert_allclose(array(found), array(expected), rtol=1e-5, atol=1e-6)
    assert found.dtype == expected.dtype


@every_layer
def test_channels_last_whatever_the_global_setting(cls):
    x = inputs(cls)
    training = {"training": True} if cls in RANDOM else {}
    keras.utils.set_random_seed(0)  # for weights that no argument of the layer starts
    expected = array(make(cls)(x, **training))
    keras.config.set_image_data_format("channels_first")
    keras.utils.set_random_seed(0)
    try:
        np.testing.assert_array_equal(array(make(cls)(x, **training)), expected)
    finally:
        keras.config.set_image_data_format("channels_last")


@every_layer
def test_output_shape_without_a_call(cls):
    layer, x = make(cls), inputs(cls)
    if cls is layers.RBFOutput:
        shape = layer.compute_output_spec(keras.KerasTensor(x.shape)).shape
    else:
        shape = layer.compute_output_shape(x.shape)
    if cls in OF_ANY_SIZE:
        assert shape == (len(x), None, None, x.shape[-1])
    else:
        assert tuple(shape) == tuple(layer(x).shape)


@every_layer
def test_another_batch_size_and_one_pattern(cls):
    """A pattern's output does not depend on its batch."""
    layer, x = make(cls), inputs(cls)
    np.testing.assert_allclose(array(layer(x[:1])), array(layer(x))[:1], rtol=1e-5, atol=1e-6)


@every_random_layer
def test_training_is_finite_and_differs(cls):
    layer, x = make(cls), inputs(cls, batch=16)
    y, expected = array(layer(x, training=True)), array(layer(x))
    assert np.isfinite(y).all()
    assert y.shape == expected.shape or cls in OF_ANY_SIZE
    assert y.shape != expected.shape or not np.allclose(y, expected)
