"""Statistics after training, against plain NumPy loops; and their freezing."""

import pathlib
import re

import keras
import numpy as np
import pytest
from keras import layers

from keras_classics.surgery import freeze_statistics, recompute_statistics

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def numpy(tensor):
    return np.array(keras.ops.convert_to_numpy(tensor))


def images(n=11, height=6, width=8):
    """Uneven ones: each next batch is brighter than the last."""
    rng = np.random.default_rng(0)
    scale = np.linspace(1, 3, n)[:, None, None, None]
    return (scale * rng.normal(0.5, 1, (n, height, width, 3))).astype("float32")


def network(**options):
    """Two layers of batch normalization, `first` and `second`, with weights of their own."""
    first = layers.BatchNormalization(name="first", **options)
    second = layers.BatchNormalization(name="second", **options)
    image = keras.Input((None, None, 3))
    x = first(layers.Conv2D(4, 3, padding="same", name="conv1")(image))
    x = layers.Conv2D(5, 3, 2, name="conv2")(layers.ReLU()(x))
    model = keras.Model(image, second(x))
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    return model


def statistics(model, name):
    layer = model.get_layer(name)
    return numpy(layer.moving_mean), numpy(layer.moving_variance)


def expected(model, batches):
    """Algorithm 2, in float64: each batch through the network by its own statistics."""
    first = model.get_layer("first")
    gamma, beta = numpy(first.gamma), numpy(first.beta)
    sums = {"first": [0, 0, 0], "second": [0, 0, 0]}
    for batch in batches:
        x = numpy(model.get_layer("conv1")(batch)).astype("float64")
        for name in sums:
            values = x.reshape(-1, x.shape[-1])
            m = len(values)
            centered = values - values.sum(0) / m
            unbiased = (centered**2).sum(0) / (m - 1)
            for i, term in enumerate((m, values.sum(0), m * unbiased)):
                sums[name][i] = sums[name][i] + term
            if name == "first":
                normal = centered / np.sqrt((centered**2).mean(0) + first.epsilon)
                y = np.maximum(gamma * normal + beta, 0).reshape(x.shape)
                x = numpy(model.get_layer("conv2")(y.astype("float32"))).astype("float64")
    return {name: (mean / m, variance / m) for name, (m, mean, variance) in sums.items()}


def assert_close(model, oracle, rtol=1e-4):
    for name, values in oracle.items():
        for actual, value in zip(statistics(model, name), values, strict=True):
            assert np.abs(value).min() > 1e-2
            np.testing.assert_allclose(actual, value, rtol=rtol)


class Batches(keras.utils.PyDataset):
    """Pairs of a batch and of what is left out."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index], np.zeros(len(self.batches[index]))


def test_algorithm_2_on_every_kind_of_data():
    """Of 11 images in batches of 4, the last one has 3; m = 12 in the second layer there."""
    x = images(height=5, width=5)
    batches = [x[:4], x[4:8], x[8:]]
    model = network()
    start = model.get_weights()
    oracle = expected(model, batches)
    plain = np.mean([numpy(model.get_layer("conv1")(b)).var((0, 1, 2)) for b in batches], 0)
    assert (abs(plain / oracle["first"][1] - 1) > 0.01).all()  # m / (m - 1) and weights matter

    data = {
        "arrays": x,
        "pydataset": Batches(batches),
        "generator": (batch for batch in batches),
        "generator of pairs": ((batch, None) for batch in batches),
    }
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        data["tf.data"] = tf.data.Dataset.from_tensor_slices(x).batch(4)
        data["tf.data of pairs"] = tf.data.Dataset.from_tensor_slices((x, x)).batch(4)
    for kind, value in data.items():
        model.set_weights(start)
        batch_size = 4 if kind == "arrays" else None
        assert recompute_statistics(model, value, batch_size=batch_size) is None
        assert_close(model, oracle)


def test_a_small_last_batch_counts_less():
    """Here the unbiased variance is a third more than the biased one, and once twice it."""
    x = images(9, 5, 5)[:, :, :3]  # the second layer has 2x1 positions
    batches = [x[:4], x[4:8], x[8:]]
    model = network()
    oracle = expected(model, batches)
    recompute_statistics(model, x, batch_size=4)
    assert_close(model, oracle)


def test_all_else_stays():
    """Momentum, seeds, the other weights and the graph; and the model trains on."""
    inner = network(momentum=0.7)
    image = keras.Input((6, 8, 3))
    x = layers.Dropout(0.5, name="dropout")(inner(image))
    frozen = layers.BatchNormalization(name="frozen", trainable=False)
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(frozen(x))))
    model.compile("sgd", "mse")
    model.fit(images(4), np.zeros((4, 2)), verbose=0)
    before = {v.path: numpy(v) for v in model.variables}
    output, call = inner.get_layer("first").output, inner.get_layer("first").call
    recompute_statistics(model, images(), batch_size=4)

    changed = {v.path for v in model.variables if (numpy(v) != before[v.path]).any()}
    moving = ("moving_mean", "moving_variance")
    assert changed == {f"{name}/{weight}" for name in ("first", "second") for weight in moving}
    assert any("seed" in path for path in before)
    for name in ("first", "second"):
        layer = inner.get_layer(name)
        assert layer.momentum == 0.7
        assert layer.output is not None
        assert "call" not in vars(layer)
    assert inner.get_layer("first").output is output
    assert inner.get_layer("first").call == call

    old = statistics(inner, "first")[0]
    model.fit(images(4), np.zeros((4, 2)), verbose=0)
    batch = numpy(inner.get_layer("conv1")(images(4))).mean((0, 1, 2))
    step = (statistics(inner, "first")[0] - old) / (batch - old)
    np.testing.assert_allclose(step, 0.3, rtol=0.1)  # conv1 itself has made a step, too


def test_as_it_was_if_the_data_fail():
    model = network()
    before = [numpy(v) for v in model.variables]
    x = images(4)

    def fails(good):
        yield from [x] * good
        raise OSError("the disk is full")

    for data, message in [
        (fails(0), "disk"),
        (fails(3), "disk"),
        (x[..., :2], "expected shape"),
        (x[:3, :3, :3], "two values.*with 1 for layer 'second'"),
    ]:
        with pytest.raises(Exception, match=message):
            recompute_statistics(model, data, batch_size=1)
        for variable, value in zip(model.variables, before, strict=True):
            np.testing.assert_array_equal(numpy(variable), value)
        assert model.get_layer("first").momentum == 0.99
        assert "call" not in vars(model.get_layer("first"))


def test_dropout_is_active():
    """Ones of which half are dropped and the others doubled: a variance of 1."""
    image = keras.Input((8, 8, 2))
    model = keras.Model(image, layers.BatchNormalization()(layers.Dropout(0.5)(image)))
    recompute_statistics(model, np.ones((100, 8, 8, 2)), batch_size=25)
    mean, variance = map(numpy, model.layers[-1].non_trainable_weights)
    np.testing.assert_allclose(mean, 1, rtol=0.1)
    np.testing.assert_allclose(variance, 1, rtol=0.1)


def test_a_layer_applied_twice_gets_the_average_over_its_inputs():
    shared = layers.BatchNormalization(center=False, scale=False, epsilon=1e-9)
    image = keras.Input((6, 8, 3))
    model = keras.Model(image, shared(layers.Rescaling(2, offset=1)(shared(image))))
    x = images(8)
    recompute_statistics(model, x, batch_size=4)
    means, variances = [], []
    for batch in (x[:4], x[4:]):
        flat = batch.reshape(-1, 3)
        normal = 1 + 2 * (flat - flat.mean(0)) / flat.std(0)
        means += [flat.mean(0), normal.mean(0)]
        variances += [flat.var(0, ddof=1), normal.var(0, ddof=1)]
    np.testing.assert_allclose(numpy(shared.moving_mean), np.mean(means, 0), rtol=1e-4)
    np.testing.assert_allclose(numpy(shared.moving_variance), np.mean(variances, 0), rtol=1e-4)


def test_masked_steps_do_not_count():
    sequence = keras.Input((5, 2))
    layer = layers.BatchNormalization()
    model = keras.Model(sequence, layer(layers.Masking()(sequence)))
    x = 1 + images(4, 5, 2)[..., 0]
    x[1, 2:] = 0
    recompute_statistics(model, x, batch_size=4)
    seen = np.delete(x.reshape(20, 2), [7, 8, 9], 0)
    np.testing.assert_allclose(numpy(layer.moving_mean), seen.mean(0), rtol=1e-4)
    np.testing.assert_allclose(numpy(layer.moving_variance), seen.var(0, ddof=1), rtol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_half_precision(policy):
    """Many small batches: an average in half precision would stop to move."""
    coarse = {"float16": 2e-3, "bfloat16": 1e-2}.get(policy, 2e-4)
    image = keras.Input((4, 4, 2), dtype="float32")
    layer = layers.BatchNormalization(dtype=policy)
    model = keras.Model(image, layer(image))
    x = np.round(8 * images(400, 4, 4)[..., :2]) / 8
    recompute_statistics(model, x, batch_size=2)
    pairs = x.reshape(200, 32, 2)
    np.testing.assert_allclose(numpy(layer.moving_mean), pairs.mean((0, 1)), rtol=coarse)
    variance = pairs.var(1, ddof=1).mean(0)
    np.testing.assert_allclose(numpy(layer.moving_variance), variance, rtol=coarse)


def test_statistics_that_were_lost():
    model = network()
    x = images()
    oracle = expected(model, [x])
    for name in oracle:
        for weight in model.get_layer(name).non_trainable_weights:
            weight.assign(np.full(weight.shape, np.nan))
    recompute_statistics(model, x)
    assert_close(model, oracle)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.fixed = layers.BatchNormalization()
        self.inner = network()

    def call(self, inputs, training=False):
        return self.inner(self.fixed(inputs["image"], training=False), training=training)


def test_subclassed_model_of_a_dict():
    """A layer that it calls with `training=False` keeps and uses its statistics."""
    model = Subclassed()
    x = images()
    model({"image": x})
    model.fixed.moving_mean.assign([-3, 2, 1])
    oracle = expected(model.inner, [numpy(model.fixed(x[:8])), numpy(model.fixed(x[8:]))])
    recompute_statistics(model, {"image": x}, batch_size=8)
    assert_close(model.inner, oracle)
    np.testing.assert_array_equal(numpy(model.fixed.moving_mean), [-3, 2, 1])
    np.testing.assert_array_equal(numpy(model.fixed.moving_variance), [1, 1, 1])


def test_a_functional_model_overrides_training_false():
    """What the page says of Keras."""
    image = keras.Input((6, 8, 3))
    layer = layers.BatchNormalization()
    model = keras.Model(image, layer(image, training=False))
    recompute_statistics(model, images(8), batch_size=8)
    np.testing.assert_allclose(numpy(layer.moving_mean), images(8).mean((0, 1, 2)), rtol=1e-4)
    model.compile("sgd", "mse")
    before = numpy(layer.moving_mean)
    model.fit(images(8) + 1, images(8), verbose=0)
    assert (numpy(layer.moving_mean) != before).all()


def test_wrong_models():
    plain = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="plain")
    for function in (freeze_statistics, lambda model: recompute_statistics(model, [[1.0]])):
        with pytest.raises(ValueError, match="must have a BatchNormalization.*model='plain'"):
            function(plain)
    frozen = network()
    frozen.trainable = False
    with pytest.raises(ValueError, match="are frozen.*Received: model='functional"):
        recompute_statistics(frozen, images())
    with pytest.raises(ValueError, match="must be built.*layer 'late'"):
        recompute_statistics(keras.Sequential([layers.BatchNormalization(name="late")]), images())
    with pytest.raises(ValueError, match="layer 'first' with renorm=True"):
        recompute_statistics(network(renorm=True), images())


def test_no_data():
    for data in (images()[:0], []):
        with pytest.raises(ValueError, match="at least one batch. Received: data of length 0"):
            recompute_statistics(network(), data)


def classifier():
    """Of two classes, with a network of trained statistics inside."""
    image = keras.Input((6, 8, 3))
    x = layers.GlobalAveragePooling2D()(network()(image))
    model = keras.Model(image, layers.Dense(2, activation="softmax")(x))
    recompute_statistics(model, images(), batch_size=4)
    return model


def test_frozen_layers_keep_statistics_and_outputs():
    """With all else trained at a rate of 0, the network stays the same function in training."""
    model = classifier()
    inner = model.layers[1]
    x, y = images(8) + 2, np.arange(8) % 2  # of other statistics
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    weights, output = model.get_weights(), model.predict(x, verbose=0)
    assert np.abs(numpy(model(x, training=True)) - output).max() > 0.01
    model.set_weights(weights)
    freeze_statistics(model)
    np.testing.assert_allclose(numpy(model(x, training=True)), output, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="must call `compile"):
        model.fit(x, y)

    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    before = {v.path: numpy(v) for v in model.weights}
    model.fit(x, y, batch_size=2, verbose=0)
    moved = {v.path for v in model.weights if (numpy(v) != before[v.path]).any()}
    assert not any("first" in path or "second" in path for path in moved)
    assert any("conv1" in path for path in moved)

    kept = statistics(inner, "second")
    model.trainable = False
    model.trainable = True
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    for value, old in zip(statistics(inner, "second"), kept, strict=True):
        assert (value != old).all()


def test_the_examples_of_the_page():
    """Each alone: frozen statistics stay, the others move."""
    page = (DOCS / "batch_normalization.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for block, moves in zip(blocks, [False, True, True], strict=True):
        names = {}
        exec(block, names)
        norm = names["model"].get_layer("conv1_bn")
        for statistic, start in [(norm.moving_mean, 0), (norm.moving_variance, 1)]:
            assert (np.asarray(statistic) != start).any() == moves
