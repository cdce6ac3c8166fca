"""AdamW with a rate for each group of layers, against the rule written out in NumPy."""

import keras
import numpy as np
import pytest

from keras_classics.optimizers import LayerwiseAdamW


def two_layers():
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, name="body"), layers.Dense(2, name="head")]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    return model


def test_the_rule():
    """`w <- w - rate (c m / (sqrt(v) + epsilon) + decay w)`, with both moments unbiased."""
    model = two_layers()
    factors = {"head": 10.0, "bias": 0.5}
    rule = LayerwiseAdamW(0.01, factors, weight_decay=0.1, epsilon=1e-3, beta_2=0.9)
    rule.build(model.trainable_variables)
    rng = np.random.default_rng(1)
    expected = [keras.ops.convert_to_numpy(w).astype("float64") for w in model.weights]
    first = [np.zeros_like(w) for w in expected]
    second = [np.zeros_like(w) for w in expected]
    for step in (1, 2, 3):
        gradients = [rng.normal(size=w.shape) for w in expected]
        rule.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradients])
        for k, g in enumerate(gradients):
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.9 * second[k] + 0.1 * g**2
            m, v = first[k] / (1 - 0.9**step), second[k] / (1 - 0.9**step)
            path = model.weights[k].path.split("/")
            c = np.prod([factors.get(name, 1.0) for name in path])
            # Keras adds epsilon to the root of the biased moment.
            scale = 1e-3 / np.sqrt(1 - 0.9**step)
            expected[k] -= 0.01 * (c * m / (np.sqrt(v) + scale) + 0.1 * expected[k])
    for weight, value in zip(model.weights, expected, strict=True):
        np.testing.assert_allclose(weight, value, rtol=1e-5, atol=1e-6)


def test_in_fit_and_in_a_file(tmp_path):
    """A factor of 0 leaves a layer alone, also after the model was saved."""
    model = two_layers()
    model.compile(LayerwiseAdamW(0.1, {"body": 0.0}, weight_decay=0.0), "mse")
    before = model.get_weights()
    x = np.random.default_rng(0).normal(size=(8, 3))
    model.fit(x, x[:, :2], verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.multipliers == {"body": 0.0}
    again.fit(x, x[:, :2], verbose=0)
    for k, (old, new) in enumerate(zip(before, again.get_weights(), strict=True)):
        assert np.array_equal(old, new) is (k < 2)


@pytest.mark.parametrize("multipliers", [{"head": -1.0}, {"head": "fast"}, [("head", 2.0)], {1: 2}])
def test_refusals(multipliers):
    with pytest.raises(ValueError, match="`multipliers` must be a dictionary from names"):
        LayerwiseAdamW(0.1, multipliers)
