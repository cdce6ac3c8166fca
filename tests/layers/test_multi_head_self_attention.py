import keras
import numpy as np
import pytest
from keras import ops

from keras_classics import backend
from keras_classics.layers import MultiHeadSelfAttention, multi_head_self_attention

BATCH, N, D, HEADS = 2, 5, 24, 4
PADDING = np.array([[1, 1, 1, 0, 1], [1, 0, 1, 1, 0]], bool)
RANDOM = np.random.default_rng(5).random((BATCH, HEADS, N, N)) < 0.6
RANDOM[..., 0] = True  # each token reads one at least
MASKS = {
    "none": {},
    "padding": {"mask": PADDING},
    "3-D": {"attention_mask": RANDOM[:, 0]},
    "4-D": {"attention_mask": RANDOM},
    "4-D of all heads": {"attention_mask": RANDOM[:, :1]},
    "3-D of all images": {"attention_mask": RANDOM[:1, 0]},
    "integers": {"attention_mask": RANDOM[:, 0].astype("int32")},
    "causal": {"use_causal_mask": True},
    "all": {"mask": PADDING, "attention_mask": RANDOM, "use_causal_mask": True},
}
masked = pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)


@pytest.fixture(params=["scores kept", "scores once more", "the backend's"])
def form(request, monkeypatch):
    """All forms, the last where the backend has one."""
    if request.param != "the backend's":
        monkeypatch.setattr(backend, "flash_attention", lambda: None)
        long = {"scores kept": N + 1, "scores once more": N}[request.param]
        monkeypatch.setattr(multi_head_self_attention, "LONG", long)
    elif backend.flash_attention() is None:
        pytest.skip("this backend has no form of its own")


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def tokens():
    return random(BATCH, N, D)


def attention(dropout=0.0, **more):
    """Weights at which every term shows."""
    layer = MultiHeadSelfAttention(HEADS, dropout, **more)
    layer.build((None, N if layer.relative else None, D))
    layer.set_weights([0.5 * random(*w.shape, seed=i) for i, w in enumerate(layer.weights, 1)])
    return layer


def array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def allowed(mask=None, attention_mask=None, use_causal_mask=False):
    """Whether head `h` of image `b` may read token `j` for token `i`."""
    result = np.ones((BATCH, HEADS, N, N), bool)
    for b, h, i, j in np.ndindex(*result.shape):
        if mask is not None and not mask[b, j]:
            result[b, h, i, j] = False
        if attention_mask is not None:
            one = attention_mask[b % len(attention_mask)]
            one = one[h % len(one)] if one.ndim == 3 else one
            result[b, h, i, j] &= bool(one[i, j])
        if use_causal_mask and j > i:
            result[b, h, i, j] = False
    return result


def by_hand(layer, x, may_read):
    """Outputs and scores: one head, one query and one key at a time."""
    *r, u_qkv, b_qkv, u_msa, b_msa = (w.astype("float64") for w in layer.get_weights())
    (batch, n, d), width = x.shape, D // HEADS
    (r,) = r or [np.zeros((2 * n - 1, d))]  # of the distances from 1 - N to N - 1
    y, scores = np.zeros(x.shape), np.zeros((batch, HEADS, n, n))
    for b, i in np.ndindex(batch, n):
        heads = np.zeros(d)
        for h in range(HEADS):
            q, k, v = (slice(at * d + h * width, at * d + (h + 1) * width) for at in range(3))
            query = x[b, i] @ u_qkv[:, q] + b_qkv[q]
            weight = {}
            for j in range(n):
                if may_read[b, h, i, j]:
                    key = x[b, j] @ u_qkv[:, k] + b_qkv[k]
                    key += r[i - j + n - 1, h * width : (h + 1) * width]
                    weight[j] = np.exp(np.sum(query * key) / np.sqrt(width))
            for j in weight:
                scores[b, h, i, j] = weight[j] / sum(weight.values())
                value = x[b, j] @ u_qkv[:, v] + b_qkv[v]
                heads[h * width : (h + 1) * width] += scores[b, h, i, j] * value
        y[b, i] = heads @ u_msa + b_msa
    return y, scores


@masked
def test_values(masks, form):
    layer, x = attention(), tokens()
    expected, scores = by_hand(layer, x, allowed(**masks))
    np.testing.assert_allclose(array(layer(x, **masks)), expected, rtol=1e-4, atol=1e-4)
    y, found = layer(x, **masks, return_attention_scores=True)
    np.testing.assert_allclose(array(y), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(array(found), scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["none", "all"])
def test_relative_positions(kind, form):
    """They are kept from no form, and add to the logits before the mask."""
    layer, x, masks = attention(relative=True), tokens(), MASKS[kind]
    expected, scores = by_hand(layer, x, allowed(**masks))
    np.testing.assert_allclose(array(layer(x, **masks)), expected, rtol=1e-4, atol=1e-4)
    _, found = layer(x, **masks, return_attention_scores=True)
    np.testing.assert_allclose(array(found), scores, rtol=1e-4, atol=1e-6)


def test_gradients_of_relative_positions(form, gradients):
    """Along a direction, they are the difference of two attentions by hand."""
    layer, x, direction = attention(relative=True), tokens(), random(2 * N - 1, D, seed=9)
    along = gradients(layer, x)[1]
    outputs = []
    for step in (-1e-3, 1e-3):
        near = attention(relative=True)
        near.distances.assign_add(step * direction)
        outputs.append(by_hand(near, x, allowed())[0])
    uneven = np.linspace(0.5, 1.5, x.size).reshape(x.shape)
    expected = np.sum(uneven * (outputs[1] - outputs[0])) / 2e-3
    assert np.abs(expected) > 1
    np.testing.assert_allclose(np.sum(along * direction), expected, rtol=1e-3)


def test_relative_positions_do_not_move_with_the_sequence():
    """Alike tokens read others by their distance alone; without, all are read alike."""
    same = np.repeat(random(BATCH, 1, D), N, axis=1)
    _, scores = attention(relative=True)(same, return_attention_scores=True)
    ratio = np.log(array(scores)[:, :, :, 1:] / array(scores)[:, :, :, :-1])
    np.testing.assert_allclose(ratio[:, :, 1:, 1:], ratio[:, :, :-1, :-1], atol=1e-4)
    assert np.abs(ratio).max() > 0.1


def of_keras(layer):
    """Keras's own layer with the same weights, as a model of one input."""
    theirs, width = keras.layers.MultiHeadAttention(HEADS, D // HEADS), D // HEADS
    inputs = keras.Input((N, D))
    model = keras.Model(inputs, theirs(inputs, inputs))
    u_qkv, b_qkv, u_msa, b_msa = layer.get_weights()
    weights = []
    for kernel, bias in zip(np.split(u_qkv, 3, 1), np.split(b_qkv, 3), strict=True):
        weights += [kernel.reshape(D, HEADS, width), bias.reshape(HEADS, width)]
    theirs.set_weights([*weights, u_msa.reshape(HEADS, width, D), b_msa])
    return theirs, model


@pytest.mark.parametrize("kind", ["none", "padding", "3-D", "causal"])
def test_is_keras_multi_head_attention(kind):
    layer, x, masks = attention(), tokens(), dict(MASKS[kind])
    y, scores = layer(x, **masks, return_attention_scores=True)
    if "mask" in masks:
        masks["key_mask"] = masks.pop("mask")
    expected, theirs = of_keras(layer)[0](x, x, **masks, return_attention_scores=True)
    np.testing.assert_allclose(array(scores), array(theirs), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(array(y), array(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gradients_in_half_precision(dtype, form, gradients):
    layer, x = attention(), tokens()
    half = keras.Sequential([attention(dtype=f"mixed_{dtype}"), keras.layers.Identity()])
    half.build(x.shape)
    for one, other in zip(gradients(half, x), gradients(layer, x), strict=True):
        error = np.linalg.norm(array(one) - other) / np.linalg.norm(other)
        assert error < {"float16": 0.005, "bfloat16": 0.05}[dtype]


def test_gradients_with_all_masks(form, gradients, monkeypatch):
    """Those of the form that TensorFlow differentiates by itself."""
    layer, x = attention(), tokens()

    class Masked(keras.layers.Layer):
        def call(self, x):
            return layer(x, **MASKS["all"])

    found = gradients(Masked(), x)[0]
    monkeypatch.setattr(backend, "flash_attention", lambda: None)
    monkeypatch.setattr(multi_head_self_attention, "LONG", N + 1)
    np.testing.assert_allclose(found, gradients(Masked(), x)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="differentiates all by itself")
def test_second_derivatives(monkeypatch):
    monkeypatch.setattr(backend, "flash_attention", lambda: None)
    layer, x, direction = attention(), tokens(), random(BATCH, N, D, seed=9)
    found = []
    for long in (N, N + 1):
        monkeypatch.setattr(multi_head_self_attention, "LONG", long)

        def slope(tensors):
            return ops.sum(
                backend.gradient(lambda t: ops.sum(layer(t[0]) ** 2), tensors)[0] * direction
            )

        found.append(array(backend.gradient(slope, [x])[0]))
    assert np.abs(found[1]).max() > 1
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-3 * np.abs(found[1]).max())


def test_gradients_are_those_of_keras(form, gradients):
    layer, x = attention(), tokens()
    along_x, *along_qkv, u_msa, b_msa = gradients(layer, x)
    theirs_x, *theirs_qkv, their_u, their_b = gradients(of_keras(layer)[1], x)
    kernels = np.concatenate([g.reshape(D, D) for g in theirs_qkv[::2]], axis=1)
    biases = np.concatenate([g.reshape(D) for g in theirs_qkv[1::2]])
    for found, expected in [
        (along_x, theirs_x),
        (along_qkv[0], kernels),
        (along_qkv[1], biases),
        (u_msa, their_u.reshape(D, D)),
        (b_msa, their_b),
    ]:
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["padding", "causal"])
def test_nothing_flows_to_what_is_not_read(kind, form, gradients):
    """The first token reads itself, and of the others only what the mask allows."""
    layer, x = attention(), tokens()

    class First(keras.layers.Layer):
        def call(self, x):
            return layer(x, **MASKS[kind])[:, 0]

    flows = np.abs(gradients(First(), x)[0]).max(-1) > 1e-6
    expected = PADDING if kind == "padding" else np.arange(N)[None] == np.zeros((BATCH, 1))
    np.testing.assert_array_equal(flows, expected)


def test_an_image_without_tokens_stays_finite(form):
    y = attention()(tokens(), mask=np.zeros((BATCH, N), bool))
    assert np.isfinite(array(y)).all()


def test_mask_of_an_earlier_layer():
    """From an embedding through the attention to the mean of the tokens."""
    words = np.array([[3, 1, 2, 0, 0], [4, 0, 0, 0, 0]])
    embed = keras.layers.Embedding(6, D, mask_zero=True)
    pool = keras.layers.GlobalAveragePooling1D("channels_last")
    model = keras.Sequential([keras.Input((N,), dtype="int32"), embed, attention(), pool])
    layer, x = model.layers[1], array(embed(words))
    may_read = np.broadcast_to((words > 0)[:, None, None], (BATCH, HEADS, N, N))
    y, _ = by_hand(layer, x, may_read)
    expected = [rows[line > 0].mean(0) for rows, line in zip(y, words, strict=True)]
    np.testing.assert_allclose(array(model(words)), expected, rtol=1e-4, atol=1e-5)


def test_any_number_of_tokens():
    layer = attention()
    inputs = keras.Input((None, D))
    outputs, scores = layer(inputs, use_causal_mask=True, return_attention_scores=True)
    assert outputs.shape == (None, None, D)
    assert scores.shape == (None, HEADS, None, None)
    model = keras.Model(inputs, [outputs, scores])
    for n in (3, 7):
        x = random(2, n, D)
        expected, a = by_hand(layer, x, np.broadcast_to(np.tri(n) > 0, (2, HEADS, n, n)))
        y, found = model(x)
        np.testing.assert_allclose(array(y), expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(array(found), a, rtol=1e-4, atol=1e-6)


def test_saved_with_scores(tmp_path):
    inputs = keras.Input((N, D))
    y, scores = attention(name="attention")(inputs, return_attention_scores=True)
    model = keras.Model(inputs, [y, scores])
    assert model.output_shape == [(None, N, D), (None, HEADS, N, N)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for found, expected in zip(loaded(tokens()), model(tokens()), strict=True):
        np.testing.assert_array_equal(array(found), array(expected))


def test_dropout():
    layer, x = attention(0.4), tokens()
    _, full = layer(x, return_attention_scores=True)
    draws = []
    for _ in range(200):
        y, scores = (array(part) for part in layer(x, training=True, return_attention_scores=True))
        draws.append(scores)
        kept = scores != 0
        np.testing.assert_allclose(scores[kept], (array(full) / 0.6)[kept], rtol=1e-4)
    np.testing.assert_allclose(np.mean(draws, 0), array(full), atol=0.2)
    np.testing.assert_allclose(np.mean(draws), np.mean(array(full)), rtol=0.02)
    np.testing.assert_allclose(np.mean(np.array(draws) != 0), 0.6, atol=0.01)
    assert np.abs(scores.sum(-1) - 1).max() > 0.1
    # The outputs are those of what was kept.
    _, _, u_msa, b_msa = layer.get_weights()
    values = (x @ layer.get_weights()[0] + layer.get_weights()[1])[..., 2 * D :]
    for b, i in np.ndindex(BATCH, N):
        heads = np.split(values[b], HEADS, axis=-1)
        token = np.concatenate([scores[b, h, i] @ heads[h] for h in range(HEADS)])
        np.testing.assert_allclose(y[b, i], token @ u_msa + b_msa, rtol=1e-3, atol=1e-3)


def test_dropout_drops_in_training_only(form):
    layer, x = attention(0.4), tokens()
    expected = array(attention()(x))
    np.testing.assert_allclose(array(layer(x)), expected, rtol=1e-5, atol=1e-5)
    assert np.abs(array(layer(x, training=True)) - expected).max() > 0.1
    y = array(attention()(x, training=True))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype, form):
    layer, x = attention(dtype=f"mixed_{dtype}"), tokens()
    expected, _ = by_hand(layer, x, allowed(**MASKS["all"]))
    y = array(layer(x, **MASKS["all"]))
    np.testing.assert_allclose(y, expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-4), ("bfloat16", 2e-3)])
def test_softmax_in_float32_under_mixed_precision(dtype, tolerance):
    """Rows of 600 scores sum to 1 but for the rounding of each."""
    layer, x = attention(dtype=f"mixed_{dtype}"), 0.3 * random(1, 600, D)
    _, scores = layer(x, return_attention_scores=True)
    scores = ops.convert_to_numpy(ops.cast(scores, "float32")).astype("float64")
    np.testing.assert_allclose(scores.sum(-1), 1, atol=tolerance)


def test_scores_beyond_float16():
    """A product of 1e5 is infinite in float16; the softmax of an infinity is no number."""
    layer = attention(dtype="mixed_float16")
    _, scores = layer(300 * tokens(), return_attention_scores=True)
    scores = array(scores)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=2e-3)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras stays at float32")
def test_double_precision():
    layer, x = attention(dtype="float64"), tokens().astype("float64")
    expected, _ = by_hand(layer, x, allowed())
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-11)


def test_start():
    """Glorot's range of the release's four matrices, `D` to `D` each; biases 0."""
    layer = MultiHeadSelfAttention(4)
    layer.build((None, 9, 64))
    u_qkv, b_qkv, u_msa, b_msa = layer.get_weights()
    limit = (6 / (64 + 64)) ** 0.5
    for matrix in (*np.split(u_qkv, 3, axis=1), u_msa):
        assert 0.98 * limit < np.abs(matrix).max() <= limit
        np.testing.assert_allclose(matrix.std(), limit / 3**0.5, rtol=0.05)
    assert not b_qkv.any()
    assert not b_msa.any()
    layer = MultiHeadSelfAttention(4, relative=True)
    layer.build((None, 99, 64))
    assert layer.distances.shape == (197, 64)
    np.testing.assert_allclose(array(layer.distances).std(), 0.02, rtol=0.05)


def test_parameters():
    """Of ViT-B: four matrices of 768 x 768 with their biases."""
    with keras.StatelessScope(initialize_variables=False):
        layer = MultiHeadSelfAttention(12)
        layer.build((None, 197, 768))
    assert layer.count_params() == 4 * (768 * 768 + 768)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`num_heads` must be a whole number, at least 1.*=0"):
        MultiHeadSelfAttention(0)
    for dropout in (-0.1, 1):
        with pytest.raises(ValueError, match=f"from 0 to below 1. Received: dropout={dropout}"):
            MultiHeadSelfAttention(3, dropout)
    with pytest.raises(ValueError, match=r"divisible by num_heads=3.*input_shape=\(2, 5, 10\)"):
        MultiHeadSelfAttention(3)(random(2, 5, 10))
    with pytest.raises(ValueError, match=r"tokens must be known: .*shape=\(None, None, 12\)"):
        MultiHeadSelfAttention(3, relative=True)(keras.Input((None, 12)))
    with pytest.raises(ValueError, match="expected ndim=3"):
        MultiHeadSelfAttention(3)(random(2, 12))


def test_long_sequences_take_less_memory():
    """TensorFlow neither keeps the scores nor finds them again in the graph."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the gradient of a graph of TensorFlow")
    import tensorflow as tf

    layer = MultiHeadSelfAttention(2)
    layer.build((None, 600, 8))

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(y, x)

    graph = gradient.get_concrete_function(tf.TensorSpec((1, 600, 8))).graph
    softmaxes = [op for op in graph.get_operations() if op.type == "Softmax"]
    assert len(softmaxes) == 2
