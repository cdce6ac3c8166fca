import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.activations import scaled_tanh
from keras_classics.layers import TransformerEncoderBlock

BATCH, N, D, HEADS, HIDDEN = 2, 5, 12, 3, 7


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def tokens(batch=BATCH):
    return random(batch, N, D)


def block(**arguments):
    """Weights at which every term shows."""
    layer = TransformerEncoderBlock(**{"num_heads": HEADS, "mlp_dim": HIDDEN, **arguments})
    layer.build((None, None, D))
    layer.set_weights([0.5 * random(*w.shape, seed=i) for i, w in enumerate(layer.weights, 1)])
    return layer


def array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def normalized(x, gamma, beta, epsilon):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def gelu(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def by_hand(weights, z, may_read=True, activation=gelu, epsilon=1e-6):
    """Equations 2 and 3, and of appendix A 5 to 8."""
    gamma1, beta1, u_qkv, b_qkv, u_msa, b_msa, gamma2, beta2, w1, b1, w2, b2 = weights
    q, k, v = np.split(normalized(z, gamma1, beta1, epsilon) @ u_qkv + b_qkv, 3, axis=-1)
    heads = []
    for q_i, k_i, v_i in zip(*(np.split(part, HEADS, axis=-1) for part in (q, k, v)), strict=True):
        a = np.exp(q_i @ k_i.transpose(0, 2, 1) / np.sqrt(D // HEADS)) * may_read
        heads.append(a / a.sum(-1, keepdims=True) @ v_i)
    z = np.concatenate(heads, axis=-1) @ u_msa + b_msa + z
    return activation(normalized(z, gamma2, beta2, epsilon) @ w1 + b1) @ w2 + b2 + z


@pytest.mark.parametrize(
    ("arguments", "terms"),
    [
        ({}, {}),
        ({"epsilon": 0.5}, {"epsilon": 0.5}),
        (
            {"activation": scaled_tanh},
            {"activation": lambda x: 1.7159 * np.tanh(2 * x / 3)},
        ),
    ],
    ids=["defaults", "epsilon", "activation"],
)
def test_values(arguments, terms):
    layer, x = block(**arguments), tokens()
    expected = by_hand(layer.get_weights(), x, **terms)
    np.testing.assert_allclose(array(layer(x)), expected, rtol=1e-4, atol=1e-4)


def test_relative_positions():
    """Its attention has them: without their weights it is a block without them."""
    x, layer = tokens(), TransformerEncoderBlock(HEADS, HIDDEN, relative=True)
    layer.build((None, N, D))
    plain = block()
    values = iter(plain.get_weights())
    for weight in layer.weights:
        zeros = np.zeros(weight.shape, "float32")
        weight.assign(zeros if weight.name == "distances" else next(values))
    expected = array(plain(x))
    np.testing.assert_allclose(array(layer(x)), expected, rtol=1e-5, atol=1e-5)
    layer.attention.distances.assign(random(2 * N - 1, D))
    assert np.abs(array(layer(x)) - expected).max() > 0.1


PADDING = np.array([[1, 1, 1, 0, 1], [1, 0, 1, 1, 0]], bool)
PAIRS = np.tri(N)[::-1] > 0


@pytest.mark.parametrize(
    ("masks", "may_read"),
    [
        ({"mask": PADDING}, PADDING[:, None]),
        ({"attention_mask": np.stack([PAIRS, PAIRS.T])}, np.stack([PAIRS, PAIRS.T])),
        ({"use_causal_mask": True}, np.tri(N)),
        (
            {"mask": PADDING, "attention_mask": PAIRS[None] | PAIRS.T, "use_causal_mask": True},
            PADDING[:, None] * np.tri(N) * (PAIRS | PAIRS.T),
        ),
    ],
    ids=["padding", "pairs", "causal", "all"],
)
def test_masks(masks, may_read):
    layer, x = block(), tokens()
    expected = by_hand(layer.get_weights(), x, may_read)
    np.testing.assert_allclose(array(layer(x, **masks)), expected, rtol=1e-4, atol=1e-4)
    y, scores = layer(x, **masks, return_attention_scores=True)
    np.testing.assert_allclose(array(y), expected, rtol=1e-4, atol=1e-4)
    read = np.broadcast_to(np.reshape(may_read, (-1, 1, *may_read.shape[-2:])), scores.shape) > 0
    np.testing.assert_array_equal(array(scores) > 0, read)
    np.testing.assert_allclose(array(scores).sum(-1), 1, rtol=1e-5)


def test_mask_of_an_earlier_layer_goes_through_two_blocks():
    words = np.array([[3, 1, 2, 4, 0], [4, 2, 0, 0, 0]])
    embed, blocks = keras.layers.Embedding(6, D, mask_zero=True), [block(), block()]
    model = keras.Sequential([keras.Input((N,), dtype="int32"), embed, *blocks])
    may_read, z = (words > 0)[:, None], array(embed(words))
    for layer in blocks:
        z = by_hand(layer.get_weights(), z, may_read)
    np.testing.assert_allclose(array(model(words)), z, rtol=1e-4, atol=1e-4)


def test_scores_in_a_model_saved_and_loaded(tmp_path):
    inputs = keras.Input((None, D))
    y, scores = block()(inputs, use_causal_mask=True, return_attention_scores=True)
    model = keras.Model(inputs, [y, scores])
    assert model.output_shape == [(None, None, D), (None, HEADS, None, None)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for one, other in zip(loaded(tokens()), model(tokens()), strict=True):
        np.testing.assert_array_equal(array(one), array(other))
    np.testing.assert_array_equal(array(other)[1, 2] > 0, np.tri(N) > 0)


def test_gradients(gradients):
    """Along every weight and the tokens, by differences of the equations' values."""
    layer, x = block(), tokens()
    uneven = np.linspace(0.5, 1.5, x.size).reshape(x.shape)
    points = [array.astype("float64") for array in (x, *layer.get_weights())]
    for i, found in enumerate(gradients(layer, x)):
        direction, values = np.random.default_rng(i).normal(size=found.shape), []
        for step in (1e-5, -1e-5):
            z, *weights = (p + step * direction if j == i else p for j, p in enumerate(points))
            values.append((uneven * by_hand(weights, z)).sum())
        expected = (values[0] - values[1]) / 2e-5
        np.testing.assert_allclose((found * direction).sum(), expected, rtol=2e-3, atol=2e-3)


def constant(hidden=False, **arguments):
    """MSA and MLP give 1 everywhere, with `hidden` MSA 0 and MLP its hidden layer of ones."""
    layer = block(mlp_dim=D, activation="linear", **arguments)
    for sub, kernel, bias in [
        (layer.attention.out, np.zeros((D, D)), np.full(D, 0.0 if hidden else 1.0)),
        (layer.mlp1, np.zeros((D, D)), np.ones(D)),
        (layer.mlp2, np.eye(D) * hidden, np.full(D, 0.0 if hidden else 1.0)),
    ]:
        sub.set_weights([kernel, bias])
    return layer


def shares(values, levels):
    """How often each level occurs; no others do."""
    near = np.abs(values[..., None] - levels) < 1e-4
    assert near.any(-1).all()
    return near.mean(tuple(range(near.ndim - 1)))


def added(layer, batch=400):
    x = tokens(batch)
    np.testing.assert_allclose(array(layer(x)) - x, layer_adds(layer), rtol=1e-4)
    return array(layer(x, training=True)) - x


def layer_adds(layer):
    return float(layer.attention.out.get_weights()[1][0]) + 1


def test_dropout_after_attention_and_after_mlp():
    """What each adds is 0 or 1 / 0.8, unit by unit: their sum has three levels."""
    y = added(constant(dropout=0.2))
    np.testing.assert_allclose(shares(y, [0, 1.25, 2.5]), [0.04, 0.32, 0.64], atol=0.01)


def test_dropout_in_the_hidden_layer_too():
    y = added(constant(hidden=True, dropout=0.2))
    np.testing.assert_allclose(shares(y, [0, 1.25**2]), [0.36, 0.64], atol=0.01)


def test_no_dropout_of_scores():
    """After every dense layer but those of queries, keys and values (appendix B.1)."""
    _, scores = block(dropout=0.5)(tokens(), training=True, return_attention_scores=True)
    np.testing.assert_allclose(array(scores).sum(-1), 1, rtol=1e-5)
    assert array(scores).min() > 0


def test_stochastic_depth_leaves_out_a_part_for_a_whole_image():
    y = added(constant(stochastic_depth=0.2), 4000)
    np.testing.assert_allclose(y, np.broadcast_to(y[:, :1, :1], y.shape), atol=1e-4)
    np.testing.assert_allclose(shares(y[:, 0, 0], [0, 1.25, 2.5]), [0.04, 0.32, 0.64], atol=0.03)


def test_without_dropout_training_is_inference():
    layer, x = block(), tokens()
    np.testing.assert_array_equal(array(layer(x, training=True)), array(layer(x)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    layer, x = block(dtype=f"mixed_{dtype}"), tokens()
    expected = by_hand(layer.get_weights(), x)
    y = array(layer(x))
    np.testing.assert_allclose(y, expected, atol=0.03 * np.abs(expected).max())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras stays at float32")
def test_double_precision():
    layer, x = block(dtype="float64"), tokens().astype("float64")
    y = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(y, by_hand(layer.get_weights(), x), rtol=1e-8)


def test_start():
    layer = TransformerEncoderBlock(4, 256)
    layer.build((None, 9, 64))
    for norm in (layer.norm1, layer.norm2):
        np.testing.assert_array_equal(norm.get_weights(), [np.ones(64), np.zeros(64)])
    for dense in (layer.mlp1, layer.mlp2):
        kernel, bias = dense.get_weights()
        limit = (6 / (64 + 256)) ** 0.5
        assert 0.98 * limit < np.abs(kernel).max() <= limit
        np.testing.assert_allclose(bias.std(), 1e-6, rtol=0.3)
    first, second = (dense.get_weights()[1][:64] for dense in (layer.mlp1, layer.mlp2))
    assert not np.allclose(first, second, rtol=1e-3, atol=0)


def test_parameters():
    """Of ViT-B: 12 D^2 + 13 D."""
    with keras.StatelessScope(initialize_variables=False):
        layer = TransformerEncoderBlock(12, 3072)
        layer.build((None, 197, 768))
    assert layer.count_params() == 12 * 768**2 + 13 * 768


def test_wrong_arguments():
    for wrong in ({"dropout": 1.0}, {"dropout": -0.5}):
        with pytest.raises(ValueError, match=f"from 0 to below 1.*dropout={wrong['dropout']}"):
            TransformerEncoderBlock(3, 7, **wrong)
    with pytest.raises(ValueError, match="from 0 to below 1.*stochastic_depth=1"):
        TransformerEncoderBlock(3, 7, stochastic_depth=1)
    with pytest.raises(ValueError, match="divisible by num_heads=5"):
        TransformerEncoderBlock(5, 7)(tokens())
