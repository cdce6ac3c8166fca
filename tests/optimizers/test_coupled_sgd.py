import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.optimizers import CoupledSGD


def start():
    random = np.random.default_rng(0)
    return random.normal(size=(3, 2)).astype("float32"), random.normal(size=2).astype("float32")


def gradients(step):
    """Of a mean over the batch; they do not depend on the weights."""
    random = np.random.default_rng(step + 1)
    return [random.normal(size=w.shape).astype("float32") for w in start()]


def by_hand(steps, rates, momentum, decays, factors=(1, 1)):
    """The paper's two lines, for each weight with its own decay and its factor of the rate."""
    weights = [w.astype("float64") for w in start()]
    velocities = [np.zeros_like(w) for w in weights]
    for step in range(steps):
        rate = rates(step)
        for i, g in enumerate(gradients(step)):
            own = rate * factors[i]
            v = momentum * velocities[i] - decays[i] * own * weights[i] - own * g
            velocities[i] = v
            weights[i] = weights[i] + v
    return weights


def variables():
    """A kernel and a bias, as a layer names them."""
    layer = keras.layers.Dense(2, name="conv1")
    layer.build((None, 3))
    layer.set_weights(start())
    return layer.trainable_variables


def after(optimizer, steps):
    weights = variables()
    for step in range(steps):
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients(step)], weights)
    return [ops.convert_to_numpy(w) for w in weights]


def assert_same(found, expected, rtol=1e-5):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize(
    ("exempt", "shares"),
    [
        ((), (1, 1)),
        (("bias",), (1, 0)),
        (["kernel"], (0, 1)),
        (("conv1",), (0, 0)),
        (("conv", "conv11", "ernel"), (1, 1)),  # whole names only
    ],
)
@pytest.mark.parametrize("momentum", [0.9, 0])
def test_the_papers_two_lines(momentum, exempt, shares):
    optimizer = CoupledSGD(0.1, momentum, weight_decay=0.3, exempt=exempt)
    expected = by_hand(5, lambda step: 0.1, momentum, [0.3 * share for share in shares])
    assert_same(after(optimizer, 5), expected)


@pytest.mark.parametrize(
    ("decay", "multipliers", "decays", "factors"),
    [
        ({"conv1": 0.3}, {}, (0.3, 0.3), (1, 1)),
        ({"kernel": 0.3, "conv1": 0.1}, {"bias": 2.0}, (0.4, 0.1), (1, 2)),
        ({"conv11": 0.3, "onv1": 0.3}, {"conv1": 3.0, "bias": 0.5}, (0, 0), (3, 1.5)),
        (0.3, {"kernel": 0.0, "other": 7}, (0.3, 0.3), (0, 1)),
    ],
)
def test_decays_and_rates_of_layers(decay, multipliers, decays, factors):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.02])
    for rate, last in [(0.1, 0.1), (schedule, 0.02)]:
        optimizer = CoupledSGD(rate, 0.9, weight_decay=decay, multipliers=multipliers)
        rates = [0.1] * 3 + [last] * 2
        expected = by_hand(5, rates.__getitem__, 0.9, decays, factors)
        assert_same(after(optimizer, 5), expected)


def test_an_exempt_variable_has_no_decay_of_its_layer():
    optimizer = CoupledSGD(0.1, 0.9, {"conv1": 0.3}, ("bias",), {"bias": 2.0})
    assert_same(after(optimizer, 5), by_hand(5, lambda step: 0.1, 0.9, (0.3, 0), (1, 2)))


def test_defaults_are_the_papers():
    assert_same(after(CoupledSGD(), 5), by_hand(5, lambda step: 0.01, 0.9, [5e-4, 5e-4]))
    assert CoupledSGD().get_config()["weight_decay"] == 0.0005


def test_the_rate_of_each_step_scales_its_decay():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.2, 0.1, 0.02])
    expected = by_hand(6, lambda step: [0.2, 0.2, 0.1, 0.1, 0.02, 0.02][step], 0.9, [0.3, 0.3])
    assert_same(after(CoupledSGD(schedule, weight_decay=0.3), 6), expected)


def test_a_rate_set_by_hand_scales_the_decay():
    optimizer, weights = CoupledSGD(0.1, weight_decay=0.3), variables()
    for step in range(4):
        if step == 2:
            optimizer.learning_rate = 0.01
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients(step)], weights)
    expected = by_hand(4, lambda step: 0.1 if step < 2 else 0.01, 0.9, [0.3, 0.3])
    assert_same([ops.convert_to_numpy(w) for w in weights], expected)


def test_keras_weight_decay_is_another_rule():
    """Keras's own, which is not applied beside ours, decays outside of the velocity."""
    optimizer = CoupledSGD(0.1, 0.9, weight_decay=0.3)
    ours = after(optimizer, 3)
    decoupled = after(keras.optimizers.SGD(0.1, 0.9, weight_decay=0.3), 3)
    assert not np.allclose(ours[0], decoupled[0], rtol=0.02)
    assert optimizer.weight_decay is None  # Keras decays by it
    assert optimizer.get_config()["weight_decay"] == 0.3


def network(regularizer=None, dtype="float32"):
    keras.utils.set_random_seed(0)
    regular = {"kernel_regularizer": regularizer, "bias_regularizer": regularizer, "dtype": dtype}
    return keras.Sequential(
        [
            keras.Input((5, 6, 2)),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv1", **regular),
            keras.layers.Flatten(dtype=dtype),
            keras.layers.Dense(3, bias_initializer="normal", name="fc2", **regular),
        ]
    )


def problem():
    random = np.random.default_rng(0)
    return random.normal(size=(24, 5, 6, 2)).astype("float32"), random.integers(0, 3, 24)


def fit(model, optimizer, epochs=2, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **options)
    model.fit(*problem(), batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


def test_fit_is_keras_sgd_with_an_l2_regularizer_of_half_the_decay():
    ours = fit(network(), CoupledSGD(0.05, 0.9, weight_decay=0.4))
    regularizer = keras.regularizers.L2(0.2)
    assert_same(ours, fit(network(regularizer), keras.optimizers.SGD(0.05, 0.9)), rtol=1e-4)
    undecayed = fit(network(), keras.optimizers.SGD(0.05, 0.9))
    assert not np.allclose(ours[0], undecayed[0], rtol=0.05)


def test_exempt_names_in_fit():
    ours = fit(network(), CoupledSGD(0.05, 0.9, weight_decay=0.4, exempt=("bias", "fc2")))
    model = network()
    model.get_layer("conv1").kernel.regularizer = keras.regularizers.L2(0.2)
    assert_same(ours, fit(model, keras.optimizers.SGD(0.05, 0.9)), rtol=1e-4)


def test_loss_scaling_leaves_the_decay_alone():
    """The scaled gradient is unscaled before the decay joins it."""
    scaled = keras.optimizers.LossScaleOptimizer(
        CoupledSGD(0.05, 0.9, weight_decay=0.4), initial_scale=1024.0
    )
    assert_same(
        fit(network(), scaled), fit(network(), CoupledSGD(0.05, 0.9, weight_decay=0.4)), rtol=1e-4
    )


def test_mixed_precision():
    model = network(dtype="mixed_float16")
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    found = fit(model, CoupledSGD(0.05, 0.9, weight_decay=0.4))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    for one, other in zip(
        found, fit(network(), CoupledSGD(0.05, 0.9, weight_decay=0.4)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.01)


def test_config():
    optimizer = CoupledSGD(
        *(0.02, 0.8, {"kernel": 0.25}, ("bias",), {"conv1": 2.0}),
        nesterov=True,
        clipnorm=2.0,
    )
    config = optimizer.get_config()
    assert config["weight_decay"] == {"kernel": 0.25}
    assert config["multipliers"] == {"conv1": 2.0}
    assert config["exempt"] == ["bias"]
    twin = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(twin) is CoupledSGD
    assert twin.get_config() == config
    assert_same(after(twin, 3), after(optimizer, 3), rtol=0)


def test_saved_with_its_velocities(tmp_path):
    """Training goes on as if it had not been interrupted."""
    optimizer = CoupledSGD(0.05, 0.9, weight_decay=0.4, exempt=("bias",))
    model = network()
    fit(model, optimizer)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded.optimizer) is CoupledSGD
    images, labels = problem()
    for m in (model, loaded):
        m.fit(images, labels, batch_size=8, shuffle=False, verbose=0)
    assert_same(loaded.get_weights(), model.get_weights())


def test_wrong_arguments():
    for decay in (-0.1, {"conv1": -1}, {1: 0.1}):
        with pytest.raises(ValueError, match="a number, at least 0, or a dict.*: weight_decay="):
            CoupledSGD(weight_decay=decay)
    with pytest.raises(ValueError, match="a dictionary from names.*: multipliers=2"):
        CoupledSGD(multipliers=2)
    with pytest.raises(ValueError, match=r"collection of names.*Received: exempt='bias'"):
        CoupledSGD(exempt="bias")
    with pytest.raises(ValueError, match="`momentum` must be"):
        CoupledSGD(momentum=1.5)
