import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.backend import gradient
from keras_classics.losses import MaximumAPosteriori, MaximumLikelihood, SigmoidCrossentropy

J = 1.3
LOSSES = {"eq. 8": MaximumLikelihood(), "eq. 9": MaximumAPosteriori(J)}
LABELS = np.array([2, 0, 3, 3, 1])
SCORES = -np.random.default_rng(0).uniform(0.1, 4, (5, 4)).astype("float32")


def by_hand(equation, labels, scores):
    """The penalty of each pattern, from the equation's sums."""
    values = []
    for right, row in zip(labels, scores, strict=True):
        y = [-float(score) for score in row]
        value = y[right]
        if equation == "eq. 9":
            everything = math.exp(-J)
            for penalty in y:
                everything += math.exp(-penalty)
            value += math.log(everything)
        values.append(value)
    return values


@pytest.mark.parametrize("equation", LOSSES)
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.astype("uint8")])
def test_mean_over_patterns(equation, labels):
    expected = sum(by_hand(equation, LABELS, SCORES)) / len(LABELS)
    np.testing.assert_allclose(LOSSES[equation](labels, SCORES), expected, rtol=1e-5)


@pytest.mark.parametrize("equation", LOSSES)
def test_each_pattern(equation):
    config = {**LOSSES[equation].get_config(), "reduction": None}
    loss = type(LOSSES[equation]).from_config(config)
    expected = by_hand(equation, LABELS, SCORES)
    np.testing.assert_allclose(loss(LABELS, SCORES), expected, rtol=1e-5)


@pytest.mark.parametrize("j", [0.5, 4.0])
def test_is_the_cross_entropy_of_one_more_score(j):
    rubbish = np.full((len(SCORES), 1), -j, "float32")
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = cross_entropy(LABELS, np.concatenate([SCORES, rubbish], axis=1))
    np.testing.assert_allclose(MaximumAPosteriori(j)(LABELS, SCORES), expected, rtol=1e-5)


def test_finite_at_large_penalties():
    """Penalties of fresh networks are in the hundreds: exp(-y) is zero in float32."""
    scores = np.array([[-900, -300, -600]], "float32")
    np.testing.assert_allclose(MaximumAPosteriori(4.0)(np.array([1]), scores), 300 - 4, rtol=1e-5)
    (g,) = gradient(lambda s: MaximumAPosteriori(4.0)(np.array([1]), s[0]), [scores])
    np.testing.assert_allclose(ops.convert_to_numpy(g), [[0, -1, 0]], atol=1e-6)


@pytest.mark.parametrize("equation", LOSSES)
def test_gradient(equation):
    loss = LOSSES[equation]
    (g,) = gradient(lambda s: loss(LABELS, s[0]), [SCORES])
    step, expected = 1e-5, np.zeros(SCORES.shape)
    for index in np.ndindex(*SCORES.shape):
        change = np.zeros(SCORES.shape)
        change[index] = step
        up, down = (
            sum(by_hand(equation, LABELS, SCORES.astype("float64") + sign * change))
            for sign in (1, -1)
        )
        expected[index] = (up - down) / (2 * step) / len(LABELS)
    np.testing.assert_allclose(ops.convert_to_numpy(g), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "loss",
    [MaximumLikelihood(reduction="sum", name="a"), MaximumAPosteriori(2.5, "sum", name="b")],
)
def test_serialization(loss):
    config = json.loads(json.dumps(keras.losses.serialize(loss)))
    twin = keras.losses.deserialize(config)
    assert type(twin) is type(loss)
    assert twin.get_config() == loss.get_config()
    np.testing.assert_array_equal(twin(LABELS, SCORES), loss(LABELS, SCORES))


@pytest.mark.parametrize("j", [0, -1.0])
def test_rubbish_penalty_must_be_positive(j):
    with pytest.raises(ValueError, match=rf"must be a number above 0. Received: j={j}"):
        MaximumAPosteriori(j)


@pytest.mark.parametrize("loss", [MaximumLikelihood(), MaximumAPosteriori(3.0)])
def test_one_hot_labels_are_refused(loss):
    with pytest.raises(ValueError, match=r"not one-hot. Received: labels of shape \(1, 3\)"):
        loss(np.eye(3, dtype="float32")[:1], np.zeros((1, 3), "float32"))


@pytest.mark.parametrize("equation", LOSSES)
@pytest.mark.parametrize("wrong", [4, -1, 2**24, 255])
def test_labels_out_of_range_are_refused(equation, wrong):
    labels = np.array([0, wrong, 3])
    with pytest.raises(ValueError, match=r"from 0 to 3, for scores of 4.*Received: smallest="):
        LOSSES[equation](labels, SCORES[:3])


@pytest.mark.parametrize("equation", LOSSES)
@pytest.mark.parametrize("wrong", [4, -1, 2**24])
def test_labels_out_of_range_have_no_finite_loss_where_nothing_can_be_raised(equation, wrong):
    """In what XLA or JAX compiles, the loss of each such pattern alone is not a number."""
    config = {**LOSSES[equation].get_config(), "reduction": None}
    loss = type(LOSSES[equation]).from_config(config)
    labels = np.array([0, wrong, 3])
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        found = tf.function(loss, jit_compile=True)(tf.constant(labels), tf.constant(SCORES[:3]))
    elif keras.backend.backend() == "jax":
        import jax

        found = jax.jit(loss)(labels, SCORES[:3])
    else:
        pytest.skip("PyTorch raises an error always")
    expected = np.array([*by_hand(equation, [0, 3], SCORES[[0, 2]])])
    np.testing.assert_allclose(np.asarray(found)[[0, 2]], expected, rtol=1e-5)
    assert np.isnan(found[1])


def test_labels_out_of_range_end_a_training():
    """TensorFlow's graph has the check; so has PyTorch, where there is no graph."""
    if keras.backend.backend() == "jax":
        pytest.skip("JAX compiles the training")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("sgd", MaximumLikelihood())
    with pytest.raises(Exception, match="Labels must be from 0 to 3"):
        model.fit(np.ones((2, 3)), np.array([0, 4]), verbose=0)


def test_sigmoid_crossentropy_sums_over_the_classes():
    """Of targets that MixUp has mixed, too; and loads again by its config."""
    rng = np.random.default_rng(2)
    t, p = (rng.uniform(0.01, 0.99, (3, 4)).astype("float32") for _ in range(2))
    expected = [
        -sum(a * math.log(b) + (1 - a) * math.log(1 - b) for a, b in zip(*rows, strict=True))
        for rows in zip(t.astype("float64"), p.astype("float64"), strict=True)
    ]
    loss = SigmoidCrossentropy(reduction=None)
    np.testing.assert_allclose(loss(t, p), expected, rtol=1e-4)
    assert float(SigmoidCrossentropy()(t, p)) == pytest.approx(np.mean(expected), rel=1e-4)
    again = keras.losses.deserialize(json.loads(json.dumps(keras.losses.serialize(loss))))
    assert type(again) is SigmoidCrossentropy
    np.testing.assert_array_equal(again(t, p), loss(t, p))
