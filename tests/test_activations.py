import json
import math
import os
import pathlib
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from keras import ops

from keras_classics import backend
from keras_classics.activations import gelu_tanh, scaled_tanh
from keras_classics.backend import gradient


def test_values():
    points = np.linspace(-4, 4, 23, dtype="float32")
    expected = [1.7159 * math.tanh(2 * a / 3) for a in points]
    np.testing.assert_allclose(scaled_tanh(points), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("a", "f"), [(1.0, 0.9999973), (-1.0, -0.9999973), (50.0, 1.7159)])
def test_the_papers_points(a, f):
    """Appendix A: f(1) = 1, f(-1) = -1, asymptotes at A."""
    np.testing.assert_allclose(scaled_tanh(np.array([a], "float32")), [f], rtol=1e-6)


@pytest.mark.parametrize(("a", "slope"), [(0.0, 1.14393), (1.0, 0.7554), (-1.0, 0.7554)])
def test_slope(a, slope):
    (g,) = gradient(lambda x: ops.sum(scaled_tanh(x[0])), [np.array([a], "float32")])
    np.testing.assert_allclose(ops.convert_to_numpy(g), [slope], rtol=1e-4)


def test_slope_is_finite_far_out():
    (g,) = gradient(lambda x: ops.sum(scaled_tanh(x[0])), [np.array([-1e4, 1e4], "float32")])
    np.testing.assert_array_equal(ops.convert_to_numpy(g), [0, 0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_keeps_type_and_shape(dtype):
    y = scaled_tanh(ops.ones((2, 3, 5), dtype=dtype))
    assert tuple(y.shape) == (2, 3, 5)
    assert keras.backend.standardize_dtype(y.dtype) == dtype


def test_serialization():
    config = json.loads(json.dumps(keras.activations.serialize(scaled_tanh)))
    assert keras.activations.get(config) is scaled_tanh


def test_in_a_layer():
    layer = keras.layers.Dense(3, activation=scaled_tanh)
    twin = keras.layers.Dense.from_config(json.loads(json.dumps(layer.get_config())))
    assert twin.activation is scaled_tanh


POINTS = np.linspace(-5, 5, 41)


@pytest.fixture(params=["fused", "of Keras"])
def form(request, monkeypatch):
    """Both forms, where the backend has both."""
    if request.param == "of Keras":
        monkeypatch.setattr(backend, "fused_gelu", lambda x: None)
    elif backend.fused_gelu(ops.ones(1)) is None:
        pytest.skip("this backend fuses by itself")


def gelu_by_hand(x):
    """In double precision, one number at a time."""
    inner = [math.sqrt(2 / math.pi) * (a + 0.044715 * a**3) for a in x]
    return np.array([a / 2 * (1 + math.tanh(b)) for a, b in zip(x, inner, strict=True)])


def slope_by_hand(x, step=1e-5):
    return (gelu_by_hand(x + step) - gelu_by_hand(x - step)) / (2 * step)


def second_slope_by_hand(x, step=1e-3):
    return (gelu_by_hand(x + step) - 2 * gelu_by_hand(x) + gelu_by_hand(x - step)) / step**2


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float64", 1e-8), ("float32", 2e-6), ("float16", 3e-3), ("bfloat16", 3e-2)],
)
def test_gelu(form, dtype, tolerance):
    x = ops.convert_to_tensor(POINTS, dtype)
    y = gelu_tanh(x)
    assert keras.backend.standardize_dtype(y.dtype) == keras.backend.standardize_dtype(x.dtype)
    x, y = (ops.convert_to_numpy(ops.cast(part, "float64")) for part in (x, y))
    if keras.backend.backend() == "jax":
        tolerance = max(tolerance, 2e-6)  # it has no float64 here
    np.testing.assert_allclose(y, gelu_by_hand(x), rtol=tolerance, atol=tolerance)


def test_gelu_is_the_exact_form_to_three_digits():
    exact = np.array([a / 2 * (1 + math.erf(a / math.sqrt(2))) for a in POINTS])
    difference = np.abs(ops.convert_to_numpy(gelu_tanh(POINTS.astype("float32"))) - exact)
    assert 4e-4 < difference.max() < 5e-4


@pytest.mark.parametrize(
    "x", [[0.5, -1.0], 0.5, np.array([0.5, -1.0])], ids=["list", "float", "64"]
)
def test_gelu_of_what_keras_takes(x):
    expected = gelu_by_hand(np.atleast_1d(x))
    y = np.atleast_1d(ops.convert_to_numpy(gelu_tanh(x)))
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    variable = keras.Variable(np.atleast_1d(x), dtype="float32")
    np.testing.assert_allclose(ops.convert_to_numpy(gelu_tanh(variable)), expected, rtol=1e-5)


def test_gelu_in_a_functional_model():
    """Of a symbolic tensor, and as a layer's activation, which JSON keeps."""
    inputs = keras.Input((len(POINTS),))
    config = json.loads(json.dumps(keras.layers.Activation(gelu_tanh).get_config()))
    outputs = [gelu_tanh(inputs), keras.layers.Activation.from_config(config)(inputs)]
    for y in keras.Model(inputs, outputs)(POINTS[None].astype("float32")):
        np.testing.assert_allclose(
            ops.convert_to_numpy(y)[0], gelu_by_hand(POINTS), rtol=1e-5, atol=1e-5
        )
    assert keras.activations.get(keras.activations.serialize(gelu_tanh)) is gelu_tanh


def derivatives(x):
    """The value, and its first and second derivative, at each point."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = gelu_tanh(x)
            first = inner.gradient(y, x)
        return y, first, outer.gradient(first, x)
    if keras.backend.backend() == "jax":
        import jax

        first = jax.grad(lambda x: gelu_tanh(x).sum())
        return gelu_tanh(x), first(x), jax.grad(lambda x: first(x).sum())(x)
    import torch

    x = x.requires_grad_()
    y = gelu_tanh(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return y.detach(), first.detach(), torch.autograd.grad(first.sum(), x)[0]


def expect_derivatives(found, x):
    for values, by_hand in zip(
        found, (gelu_by_hand, slope_by_hand, second_slope_by_hand), strict=True
    ):
        np.testing.assert_allclose(ops.convert_to_numpy(values), by_hand(x), rtol=1e-4, atol=3e-5)


def test_derivatives_of_gelu(form):
    expect_derivatives(derivatives(ops.convert_to_tensor(POINTS, "float32")), POINTS)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's form")
def test_gelu_rounds_once_in_bfloat16():
    """It computes in float32 between its input and its output, and so does its gradient."""
    import tensorflow as tf

    x = tf.cast(POINTS, "bfloat16")
    found = derivatives(x)[:2]
    expected = derivatives(tf.cast(x, "float32"))[:2]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == tf.bfloat16
        np.testing.assert_array_equal(one, tf.cast(other, "bfloat16"))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs")
@pytest.mark.parametrize("jit_compile", [False, True])
def test_derivatives_of_gelu_in_a_graph_of_any_length(form, jit_compile):
    import tensorflow as tf

    spec = tf.TensorSpec([None], "float32")
    graph = tf.function(derivatives, input_signature=[spec], jit_compile=jit_compile)
    for x in (POINTS, POINTS[:7]):
        expect_derivatives(graph(tf.constant(x, "float32")), x)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's strategies")
def test_gelu_on_two_devices_and_exported(tmp_path):
    """In a process of its own: devices are set before TensorFlow starts."""
    script = """
        import sys
        import keras, numpy as np, tensorflow as tf
        from keras_classics.activations import gelu_tanh

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
        )

        def train(strategy):
            with strategy.scope():
                keras.utils.set_random_seed(0)
                model = keras.Sequential([
                    keras.Input((3,)), keras.layers.Dense(5, gelu_tanh), keras.layers.Dense(1),
                ])
                model.compile(keras.optimizers.SGD(0.1), "mse")
            x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
            model.fit(x, x[:, 0] * x[:, 1], batch_size=4, epochs=3, shuffle=False, verbose=0)
            return model, x

        model, x = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
        other, _ = train(tf.distribute.get_strategy())
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        other.export(sys.argv[1], verbose=False)
        loaded = tf.saved_model.load(sys.argv[1])
        for n in (8, 3):  # any number of inputs
            np.testing.assert_allclose(loaded.serve(x[:n]), other(x[:n]), rtol=1e-5, atol=1e-6)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "exported")],
        cwd=pathlib.Path(__file__).parents[1],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
