import keras
import numpy as np
import pytest
from keras import ops

from keras_classics import backend
from keras_classics.layers import BatchNormalization

pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")  # of JAX
HERE = keras.backend.backend()
needs_tensorflow = pytest.mark.skipif(HERE != "tensorflow", reason="TensorFlow's graph")
# Mean and variance far from 0 and 1, an epsilon and a momentum that show.
ODD = {"momentum": 0.6, "epsilon": 0.5}


def images(shape=(4, 5, 3, 6), mean=-4.0, deviation=2.5):
    """Each index of each axis has a mean of its own."""
    x = np.random.default_rng(0).normal(mean, deviation, shape)
    return (x + sum(np.indices(shape)) / 2).astype("float32")


def pair(x, **arguments):
    """Our layer and Keras's, with the same odd weights."""
    layers = [
        cls(**{**ODD, **arguments}) for cls in (BatchNormalization, keras.layers.BatchNormalization)
    ]
    random = np.random.default_rng(1)
    for layer in layers:
        layer.build(x.shape)
    weights = [random.uniform(0.5, 2.5, w.shape) for w in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor)).astype("float64")


def uneven(shape):
    """The gradient along the outputs, exact in every precision."""
    return np.round(16 * np.random.default_rng(2).normal(1, 1, shape)) / 16


def step(layer, x, wrap=lambda function: function, **call):
    """Outputs, gradients of inputs and weights, and the new statistics, in training."""
    coefficients = ops.convert_to_tensor(uneven(x.shape), "float32")

    def run(tensors):
        fixed = [v.value for v in layer.non_trainable_variables]
        return layer.stateless_call(tensors[1:], fixed, tensors[0], training=True, **call)

    def total(tensors):
        return ops.sum(ops.cast(run(tensors)[0], "float32") * coefficients)

    def compute(tensors):
        outputs, statistics = run(tensors)
        return [outputs, *backend.gradient(total, tensors), *statistics]

    weights = [ops.convert_to_numpy(v.value) for v in layer.trainable_variables]
    tensors = [ops.convert_to_tensor(array) for array in [x, *weights]]
    return [numpy(tensor) for tensor in wrap(compute)(tensors)]


@pytest.fixture
def calls(monkeypatch):
    """The inputs of the fused operation, as often as it is called."""
    made, original = [], backend.fused_batch_normalization

    def make():
        fused = original()

        def normalize(x, *others):
            made.append(x)
            return fused(x, *others)

        return fused and normalize

    monkeypatch.setattr(backend, "fused_batch_normalization", make)
    return made


def compiled(function):
    if HERE == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if HERE == "jax":
        import jax

        return jax.jit(function)
    return pytest.skip("compiled by XLA with TensorFlow and JAX only")


def by_hand(x, gamma, beta, moving_mean, moving_variance):
    """Algorithm 1 and the gradients of section 3 of the paper, one channel after the other."""
    x = np.asarray(x, "float64")
    dy = uneven(x.shape)
    y, dx = np.zeros_like(x), np.zeros_like(x)
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(beta)
    mean, variance = np.zeros_like(beta), np.zeros_like(beta)
    for c in range(len(gamma)):
        values, along = x[..., c].ravel(), dy[..., c].ravel()
        m = len(values)
        mu = sum(values) / m
        var = sum((v - mu) ** 2 for v in values) / m
        std = (var + ODD["epsilon"]) ** 0.5
        hat = (values - mu) / std
        y[..., c] = (gamma[c] * hat + beta[c]).reshape(x.shape[:-1])
        dhat = along * gamma[c]
        dvar = sum(dhat * (values - mu)) * -0.5 * std**-3
        dmu = -sum(dhat) / std + dvar * sum(-2 * (values - mu)) / m
        dx[..., c] = (dhat / std + dvar * 2 * (values - mu) / m + dmu / m).reshape(x.shape[:-1])
        dgamma[c], dbeta[c] = sum(along * hat), sum(along)
        mean[c] = 0.6 * moving_mean[c] + 0.4 * mu
        variance[c] = 0.6 * moving_variance[c] + 0.4 * var
    return [y, dx, dgamma, dbeta, mean, variance]


PRECISE = {"float32": 1e-5, "mixed_bfloat16": 2**-7, "mixed_float16": 2**-10}


@pytest.mark.parametrize("dtype", PRECISE)
def test_the_papers_equations(dtype):
    """And at least as exact as Keras's layer."""
    compute = dtype.removeprefix("mixed_")
    x = numpy(ops.cast(images(), compute)).astype("float32")  # what the layer sees
    ours, theirs = pair(x, dtype=dtype)
    expected = by_hand(x, *ours.get_weights())
    for one, other, exact in zip(step(ours, x), step(theirs, x), expected, strict=True):
        scale = np.abs(exact).max()
        error, their_error = np.abs(one - exact).max() / scale, np.abs(other - exact).max() / scale
        assert error < PRECISE[dtype]
        assert error <= 2 * their_error + 1e-6  # and statistics are float32 in all


CASES = [
    ({}, (4, 5, 3, 6)),
    ({"center": False}, (4, 5, 3, 6)),
    ({"scale": False}, (4, 5, 3, 6)),
    ({"center": False, "scale": False}, (4, 5, 3, 6)),
    ({"axis": 3}, (4, 5, 3, 6)),
    ({"axis": 1}, (4, 5, 3, 6)),
    ({"axis": 2}, (4, 5, 3, 6)),
    ({"axis": -2}, (4, 5, 3, 6)),
    ({"trainable": False}, (4, 5, 3, 6)),
    ({"renorm": True, "renorm_clipping": {"rmax": 1.5, "dmax": 0.5}}, (4, 5, 3, 6)),
    ({}, (1, 1, 1, 6)),  # one value a channel
    ({}, (2, 1, 1, 6)),
    ({}, (1, 5, 3, 1)),
    ({}, (8, 6)),
    ({}, (4, 5, 6)),
    ({"axis": 3}, (2, 3, 2, 4, 2)),
    ({}, (2, 3, 2, 2, 4)),
    ({"dtype": "float64"}, (4, 5, 3, 6)),
]


@pytest.mark.parametrize(("arguments", "shape"), CASES, ids=str)
def test_is_keras_layer_in_training(arguments, shape):
    x = images(shape)
    ours, theirs = pair(x, **arguments)
    check(step(ours, x), step(theirs, x))


def check(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max() + 1e-6)


@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"trainable": False}], ids=str)
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_is_keras_layer_in_mixed_precision(arguments, dtype):
    x = images()
    ours, theirs = pair(x, dtype=dtype, **arguments)
    for one, other in zip(step(ours, x), step(theirs, x), strict=True):
        atol = PRECISE[dtype] * np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=PRECISE[dtype], atol=atol)


def test_is_keras_layer_with_a_mask():
    x = images()
    mask = ops.convert_to_tensor(np.random.default_rng(3).random(x.shape[:-1]) < 0.6)
    ours, theirs = pair(x)
    found, unmasked = step(ours, x, mask=mask), step(ours, x)
    check(found, step(theirs, x, mask=mask))
    assert not np.allclose(found[0], unmasked[0], rtol=0.01)


@needs_tensorflow
def test_is_keras_layer_when_synchronized(calls):
    x = images()
    ours, theirs = pair(x, synchronized=True)
    check(step(ours, x), step(theirs, x))
    assert not calls


def test_is_keras_layer_when_compiled():
    x = images()
    ours, theirs = pair(x)
    check(step(ours, x, compiled), step(theirs, x))


@needs_tensorflow
@pytest.mark.parametrize("jit", [False, True])
def test_is_keras_layer_of_an_unknown_size(jit):
    import tensorflow as tf

    x = images()
    ours, theirs = pair(x)
    signature = [[tf.TensorSpec((None, None, None, 6)), tf.TensorSpec([6]), tf.TensorSpec([6])]]

    def wrap(function):
        return tf.function(function, input_signature=signature, jit_compile=jit)

    check(step(ours, x, wrap), step(theirs, x))


def test_is_keras_layer_at_inference():
    x = images()
    ours, theirs = pair(x)
    gamma, beta, mean, variance = ours.get_weights()
    expected = gamma * (x - mean) / np.sqrt(variance + 0.5) + beta
    for layer in (ours, theirs):
        for outputs in (layer(x), layer(x, training=False)):
            np.testing.assert_allclose(numpy(outputs), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ours.get_weights()[2:], [mean, variance])


@pytest.mark.parametrize(("kind", "arguments"), [("uint8", {}), ("float16", {"autocast": False})])
def test_other_inputs_than_the_compute_dtype(kind, arguments):
    x = (images() + 10).astype(kind)
    ours, theirs = pair(x, **arguments)
    one, other = ours(x, training=True), theirs(x, training=True)
    assert keras.backend.standardize_dtype(one.dtype) == "float32"
    np.testing.assert_allclose(numpy(one), numpy(other), rtol=1e-5, atol=1e-5)
    check(map(numpy, ours.get_weights()), map(numpy, theirs.get_weights()))


def test_without_gamma_and_beta_under_another_floatx():
    x = images()
    ours, theirs = pair(x, center=False, scale=False, dtype="float32")
    expected = numpy(theirs(x, training=True))
    keras.config.set_floatx("float16")
    try:
        np.testing.assert_allclose(numpy(ours(x, training=True)), expected, rtol=1e-4, atol=1e-5)
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.parametrize("wrap", [lambda function: function, compiled], ids=["", "compiled"])
def test_a_mean_far_from_zero(wrap):
    """The variance is not taken as a small difference of large numbers."""
    x = np.random.default_rng(0).normal(1e3, 0.1, (8, 15, 13, 5)).astype("float32")
    layer = BatchNormalization(momentum=0.0, epsilon=1e-5)
    layer.build(x.shape)
    outputs, *_, mean, variance = step(layer, x, wrap)
    axes, x = (0, 1, 2), x.astype("float64")
    np.testing.assert_allclose(mean, x.mean(axes), rtol=3e-6)
    np.testing.assert_allclose(variance, x.var(axes), rtol=1e-3)
    exact = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-5)
    np.testing.assert_allclose(outputs, exact, atol=0.02)  # float32 knows x to 3e-5, of 0.1


USUAL = [case for case in CASES if len(case[1]) == 4 and case[0].keys() <= {"center", "scale"}]
USUAL += [({"axis": 3}, (4, 5, 3, 6)), ({"dtype": "mixed_bfloat16"}, (4, 5, 3, 6))]
OTHERS = [case for case in CASES if case not in USUAL]


@pytest.mark.parametrize(("arguments", "shape"), USUAL, ids=str)
def test_the_fused_operation_where_it_can(arguments, shape, calls):
    layer = BatchNormalization(**arguments)
    layer(images(shape), training=True)
    assert len(calls) == (HERE != "jax")
    layer(images(shape)), layer(images(shape), training=False)
    assert len(calls) == (HERE != "jax")


@pytest.mark.parametrize(("arguments", "shape"), OTHERS, ids=str)
def test_no_fused_operation_elsewhere(arguments, shape, calls):
    BatchNormalization(**arguments)(images(shape), training=True)
    assert not calls


@needs_tensorflow
@pytest.mark.parametrize("jit", [False, True])
def test_the_graph_of_a_training_step(jit):
    """The operation and its gradient; XLA's own would lose digits."""
    import tensorflow as tf

    layer = BatchNormalization()
    layer.build((None, 5, 3, 6))

    @tf.function(jit_compile=jit)
    def gradient(x):
        return tf.gradients(tf.reduce_sum(layer(x, training=True) ** 2), x)

    graph = gradient.get_concrete_function(tf.TensorSpec((None, 5, 3, 6))).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("FusedBatchNormV3") == kinds.count("FusedBatchNormGradV3") == (not jit)
    assert kinds.count("AssignVariableOp") == 2


def network(cls, x):
    layers = [cls(name="first", **ODD), keras.layers.Flatten(), keras.layers.Dense(1, name="top")]
    return keras.Sequential([keras.Input(x.shape[1:]), *layers])


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fit(jit, tmp_path):
    """As with Keras's layer, from whose file the weights come, and which takes them back."""
    if jit and not backend.has_xla():
        pytest.skip("compiled by XLA with TensorFlow and JAX only")
    x, y = images((20, 5, 3, 4)), np.random.default_rng(1).normal(size=(20, 1))
    theirs, ours = (network(c, x) for c in (keras.layers.BatchNormalization, BatchNormalization))
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    before = ours.get_weights()
    losses = []
    for model in (theirs, ours):
        model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=jit)
        history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for one, other, start in zip(ours.get_weights(), theirs.get_weights(), before, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
        assert not np.allclose(one, start, atol=1e-3)
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    expected = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_weights_and_config_are_keras_layers():
    x = images()
    ours, theirs = pair(x, axis=1, renorm=True, beta_regularizer="l2", name="one")
    assert ours.get_config() == theirs.get_config()
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
    twin = BatchNormalization.from_config(theirs.get_config())
    assert twin.get_config() == theirs.get_config()


def test_saved_after_training_and_loaded(tmp_path):
    x = images()
    model = network(BatchNormalization, x)
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded.get_layer("first")) is BatchNormalization
    assert loaded.get_layer("first").get_config() == model.get_layer("first").get_config()
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_constants():
    layer = BatchNormalization()
    assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


@needs_tensorflow
@pytest.mark.parametrize("arguments", [{}, {"trainable": False}, {"center": False, "scale": False}])
def test_one_operation_at_inference(arguments):
    """Which TensorFlow merges with the convolution before it."""
    import tensorflow as tf

    x = images()
    ours, theirs = pair(x, **arguments)

    def kinds(layer):
        graph = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec(x.shape)).graph
        return [operation.type for operation in graph.get_operations()]

    assert kinds(ours).count("FusedBatchNormV3") == 1
    assert "Rsqrt" not in kinds(ours)
    assert "Rsqrt" in kinds(theirs)
    np.testing.assert_allclose(numpy(ours(x)), numpy(theirs(x)), rtol=1e-4, atol=1e-5)
