import keras
import numpy as np
import pytest
from keras import ops

from keras_classics import backend
from keras_classics.layers import LocalResponseNormalization

# (depth_radius, bias, alpha, beta), each term of the order of the others.
SETTINGS = [(2, 2.0, 1.0, 0.75), (1, 0.5, 0.3, 0.75), (0, 1.0, 2.0, 0.5), (5, 3.0, 0.7, 1.3)]
settings = pytest.mark.parametrize("setting", SETTINGS, ids=str)


@pytest.fixture(params=["sum of shifts", "band matrix"])
def form(request, monkeypatch):
    """Both forms of the sum, whichever the backend would take."""
    monkeypatch.setattr(backend, "fuses", lambda: request.param == "sum of shifts")


def activities(channels, size=1.0):
    shape = (2, 2, 3, channels)
    return np.random.default_rng(0).normal(0, size, shape).astype("float32")


def window(i, radius, channels):
    return range(max(0, i - radius), min(channels - 1, i + radius) + 1)


def by_hand(x, radius, bias, alpha, beta):
    """The paper's formula, one activity and one neighbour at a time."""
    x = x.astype("float64")
    y = np.zeros(x.shape)
    for p, r, c, i in np.ndindex(*x.shape):
        energy = sum(x[p, r, c, j] ** 2 for j in window(i, radius, x.shape[-1]))
        y[p, r, c, i] = x[p, r, c, i] / (bias + alpha * energy) ** beta
    return y


def gradient_by_hand(x, upstream, radius, bias, alpha, beta):
    """Every output's derivative along every channel of its window, one at a time."""
    x = x.astype("float64")
    result = np.zeros(x.shape)
    for p, r, c, i in np.ndindex(*x.shape):
        near, a = window(i, radius, x.shape[-1]), x[p, r, c]
        b = bias + alpha * sum(a[j] ** 2 for j in near)
        result[p, r, c, i] += upstream[p, r, c, i] * b**-beta
        for j in near:
            slope = -beta * a[i] * b ** (-beta - 1) * alpha * 2 * a[j]
            result[p, r, c, j] += upstream[p, r, c, i] * slope
    return result


def uneven(shape):
    return np.linspace(0.5, 1.5, np.prod(shape)).reshape(shape)


def array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@settings
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_values(setting, channels, form):
    x = activities(channels)
    y = array(LocalResponseNormalization(*setting)(x))
    np.testing.assert_allclose(y, by_hand(x, *setting), rtol=2e-5)


def test_defaults_are_the_papers(form):
    x = activities(8, size=100)
    y = array(LocalResponseNormalization()(x))
    np.testing.assert_allclose(y, by_hand(x, 2, 2.0, 1e-4, 0.75), rtol=2e-5)


@pytest.mark.parametrize(("setting", "channels"), zip(SETTINGS, [8, 3, 2, 8], strict=True))
def test_gradients(setting, channels, form, gradients):
    x = activities(channels)
    expected = gradient_by_hand(x, uneven(x.shape), *setting)
    found = gradients(LocalResponseNormalization(*setting), x)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_groups_are_normalized_alone(form, gradients):
    """Each group as by the paper's formula of its own channels, and so its gradient."""
    setting, x = (2, 2.0, 1.0, 0.75), activities(12)
    layer, upstream = LocalResponseNormalization(*setting, groups=3), uneven(x.shape)
    parts = [slice(0, 4), slice(4, 8), slice(8, 12)]
    expected = np.concatenate([by_hand(x[..., part], *setting) for part in parts], axis=-1)
    np.testing.assert_allclose(array(layer(x)), expected, rtol=2e-5)
    slopes = [gradient_by_hand(x[..., part], upstream[..., part], *setting) for part in parts]
    found = gradients(layer, x)[0]
    np.testing.assert_allclose(found, np.concatenate(slopes, axis=-1), rtol=1e-4, atol=1e-5)


def test_refuses_channels_that_are_no_multiple_of_the_groups():
    with pytest.raises(ValueError, match="multiple of the groups.*9 channels, groups=2"):
        LocalResponseNormalization(groups=2)(activities(9))


def gradient_of_gradient(function, x, direction):
    """The gradient of `direction . grad function` at `x`."""
    if keras.backend.backend() == "torch":
        import torch

        x = torch.tensor(x, requires_grad=True)
        (first,) = torch.autograd.grad(function([x]), x, create_graph=True)
        return torch.autograd.grad((first * torch.tensor(direction)).sum(), x)[0].numpy()

    def along(tensors):
        return ops.sum(backend.gradient(function, tensors)[0] * direction)

    return array(backend.gradient(along, [x])[0])


@pytest.mark.parametrize("setting", SETTINGS[::3], ids=str)
def test_second_derivatives(setting, form):
    layer, x = LocalResponseNormalization(*setting), activities(8)
    coefficients, step = uneven(x.shape), 1e-5
    fixed = ops.convert_to_tensor(coefficients, "float32")
    direction = np.random.default_rng(1).normal(size=x.shape)
    found = gradient_of_gradient(
        lambda tensors: ops.sum(layer(tensors[0]) * fixed),
        x,
        direction.astype("float32"),
    )
    up, down = (
        gradient_by_hand(x.astype("float64") + sign * step * direction, coefficients, *setting)
        for sign in (1, -1)
    )
    np.testing.assert_allclose(found, (up - down) / (2 * step), rtol=1e-3, atol=1e-4)


def test_is_tensorflows():
    tf = pytest.importorskip("tensorflow")
    x = activities(8)
    expected = tf.nn.local_response_normalization(x, 2, 2.0, 1.0, 0.75).numpy()
    y = array(LocalResponseNormalization(2, 2.0, 1.0, 0.75)(x))
    np.testing.assert_allclose(y, expected, rtol=2e-5)


@pytest.mark.parametrize("size", [3, 5])
def test_is_torchs_with_alpha_over_size(size):
    torch = pytest.importorskip("torch")
    x = activities(8)
    maps = torch.tensor(x).permute(0, 3, 1, 2)
    expected = torch.nn.functional.local_response_norm(maps, size, alpha=2.0, beta=0.75, k=1.5)
    y = array(LocalResponseNormalization(size // 2, 1.5, 2.0 / size, 0.75)(x))
    np.testing.assert_allclose(y, expected.permute(0, 2, 3, 1).numpy(), rtol=2e-5)


@pytest.mark.parametrize(("dtype", "rtol"), [("float16", 2e-3), ("bfloat16", 2e-2)])
def test_half_precision_sums_in_float32(dtype, rtol, form):
    """Squares of 400 overflow float16; bfloat16 holds a sum of five to two digits."""
    x = np.round(activities(8, size=400))
    layer = LocalResponseNormalization(2, 2.0, 1.0, 0.75, dtype=dtype)
    y = layer(ops.cast(x, dtype))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    expected = by_hand(array(ops.cast(x, dtype)), 2, 2.0, 1.0, 0.75)
    np.testing.assert_allclose(array(y), expected, rtol=rtol)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras stays at float32")
def test_double_precision(form):
    x = activities(8).astype("float64")
    y = ops.convert_to_numpy(LocalResponseNormalization(2, 2.0, 1.0, 0.75, dtype="float64")(x))
    np.testing.assert_allclose(y, by_hand(x, 2, 2.0, 1.0, 0.75), rtol=1e-12)


def trained(jit_compile, dtype="float32"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 5, 3)),
            keras.layers.Conv2D(7, 3, dtype=dtype),
            LocalResponseNormalization(2, 1.0, 1.0, 0.75, dtype=dtype),
            keras.layers.Flatten(dtype=dtype),
            keras.layers.Dense(1, dtype=dtype),
        ]
    )
    model.dtype_policy = keras.DTypePolicy(dtype)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    x = np.random.default_rng(0).normal(size=(8, 4, 5, 3))
    model.fit(x, np.sign(x.sum((1, 2, 3))), batch_size=4, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


def test_trains_alike_compiled_and_not():
    if keras.backend.backend() == "torch":
        pytest.skip("compiled by XLA with TensorFlow and JAX only")
    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_trains_in_mixed_precision(dtype):
    for one, other in zip(trained(False, dtype), trained(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.1, atol=0.02)


def test_xla_is_seen():
    """The form that suits it is a matter of speed alone: no other test would miss it."""
    if keras.backend.backend() != "tensorflow":
        assert backend.fuses() == (keras.backend.backend() == "jax")
        return
    import tensorflow as tf

    seen = {}

    def call(x, jit_compile):
        seen[jit_compile] = backend.fuses()

    for jit_compile in (True, False):
        tf.function(call, jit_compile=jit_compile)(tf.ones(1), jit_compile)
    assert seen == {True: True, False: False}
    assert not backend.fuses()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's graphs")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_graph_is_compiled_where_it_has_a_gradient(dtype):
    """For batches of any size; a graph that may be exported has operations of TensorFlow alone."""
    import tensorflow as tf

    layer = LocalResponseNormalization(2, 2.0, 1.0, 0.75, dtype=dtype)

    def value(x):
        return layer(x)

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, x, tf.cast(uneven((2, 3, 8)), dtype) + tf.zeros_like(y))

    spec = [tf.TensorSpec([None, 2, 3, 8], dtype)]
    plain, trained = (tf.function(f, input_signature=spec) for f in (value, both))

    def compiled(graph):
        operations = graph.get_concrete_function().graph.get_operations()
        return any("Call" in operation.type for operation in operations)

    assert (compiled(plain), compiled(trained)) == (False, True)
    rtol = 1e-5 if dtype == "float32" else 1e-2
    for size in (2, 1):
        x = tf.cast(activities(8)[:size], dtype)
        upstream = np.broadcast_to(uneven((2, 3, 8)), x.shape)
        expected = by_hand(array(x), 2, 2.0, 1.0, 0.75)
        slopes = gradient_by_hand(array(x), upstream, 2, 2.0, 1.0, 0.75)
        y, gradient = trained(x)
        assert (y.dtype, gradient.dtype) == (x.dtype, x.dtype)
        np.testing.assert_allclose(array(y), expected, rtol=rtol)
        np.testing.assert_allclose(array(plain(x)), expected, rtol=rtol)
        np.testing.assert_allclose(array(gradient), slopes, rtol=rtol, atol=rtol)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow's names")
def test_without_tensorflows_name_the_form_is_the_slower_one(monkeypatch):
    import tensorflow as tf
    from tensorflow.python import ops

    layer, x = LocalResponseNormalization(*SETTINGS[0]), activities(8)
    seen = []
    monkeypatch.setattr(ops, "control_flow_util", object())

    def call(x):
        seen.append(backend.fuses())
        return layer(x)

    y = tf.function(call, jit_compile=True)(x)
    np.testing.assert_allclose(array(y), by_hand(x, *SETTINGS[0]), rtol=2e-5)
    assert seen == [False]


@pytest.mark.parametrize("depth_radius", [-1, 2.5, None])
def test_a_wrong_radius(depth_radius):
    with pytest.raises(ValueError, match=r"number, at least 0. Received: depth_radius=.*[15e]$"):
        LocalResponseNormalization(depth_radius)


@pytest.mark.parametrize("wrong", [{"bias": 0}, {"bias": -1.0}, {"alpha": -1e-4}, {"beta": -0.5}])
def test_a_wrong_number(wrong):
    with pytest.raises(ValueError, match=f"must be a number.*Received: {next(iter(wrong))}="):
        LocalResponseNormalization(**wrong)


def test_needs_maps():
    with pytest.raises(ValueError, match="expected ndim=4"):
        LocalResponseNormalization()(np.ones((2, 3), "float32"))
