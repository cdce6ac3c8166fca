"""What a Transformer attends to, against loops over single tokens and layers."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_classics.analysis import (
    attention_maps,
    attention_rollout,
    embedding_filters,
    mean_attention_distance,
    position_similarity,
)
from keras_classics.applications import ViT
from keras_classics.layers import (
    ClassToken,
    MultiHeadSelfAttention,
    PatchEmbedding,
    PositionEmbedding,
    PositionEmbedding2D,
)

GRID = (2, 3)
rng = np.random.default_rng(0)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random(model):
    """The model, its weights all away from 0."""
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    return model


@pytest.fixture
def network(transformer):
    """A function to a network of two rows and three columns of patches of 4 pixels."""
    return lambda class_token=True: random(transformer((8, 12, 3), class_token))


def random_maps(depth, images=2, heads=3, tokens=7):
    """Scores of which no two heads, images or layers have the same."""
    maps = rng.uniform(0.1, 1, (depth, images, heads, tokens, tokens)) ** 3
    maps /= maps.sum(axis=-1, keepdims=True)
    return {f"block_{i}": scores.astype("float32") for i, scores in enumerate(maps)}


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", ["ViT", "class token", "no class token"])
def test_maps_of_each_block(network, kind):
    """Head by head from the queries and keys of what goes into the block."""
    if kind == "ViT":
        model = random(ViT("Mini/4", input_shape=(8, 12, 3), classes=5))
    else:
        model = network(kind == "class token")
    images = rng.uniform(-1, 1, (3, 8, 12, 3)).astype("float32")
    maps = attention_maps(model, images, batch_size=2)
    assert list(maps) == [f"encoder_block_{i}" for i in range(1, 7 if kind == "ViT" else 3)]
    for name in [*maps][:2]:
        scores = maps[name]
        block = model.get_layer(name)
        tokens = numpy(block.norm1(keras.Model(model.input, block.input)(images)))
        kernel, bias = (numpy(weight) for weight in block.attention.qkv.weights)
        qkv = tokens @ kernel + bias
        n = qkv.shape[1]
        assert scores.shape == (3, 4, n, n)
        assert scores.dtype == "float32"
        width = tokens.shape[-1]
        d = width // 4
        for head in range(4):
            q = qkv[..., d * head : d * (head + 1)]
            k = qkv[..., width + d * head : width + d * (head + 1)]
            expected = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(d))
            np.testing.assert_allclose(scores[:, head], expected, rtol=1e-3, atol=1e-6)


def test_reading_the_maps_leaves_the_model_as_it_is(network):
    model = network()
    before = [len(layer._inbound_nodes) for layer in model.layers]
    images = rng.uniform(-1, 1, (2, 8, 12, 3))
    output = model.predict(images, verbose=0)
    attention_maps(model, images)
    assert [len(layer._inbound_nodes) for layer in model.layers] == before == [1] * len(before)
    np.testing.assert_array_equal(model.predict(images, verbose=0), output)


def test_each_layer_is_computed_once():
    calls = []

    class Counted(MultiHeadSelfAttention):
        def call(self, inputs, **kwargs):
            calls.append(self.name)
            return super().call(inputs, **kwargs)

    tokens = keras.Input((5, 6))
    model = keras.Model(tokens, Counted(3, name="b")(Counted(2, name="a")(tokens)))
    calls.clear()
    maps = attention_maps(model, rng.normal(size=(1, 5, 6)))
    assert calls == ["a", "b"] * (len(calls) // 2)  # JAX traces them again
    assert calls
    assert [scores.shape[1] for scores in maps.values()] == [2, 3]


def test_maps_of_other_models():
    """Keras's layer, a layer used again, one whose scores are used, a model within a model."""
    shared = layers.MultiHeadAttention(2, 3, name="shared")
    asked = MultiHeadSelfAttention(2, name="asked")
    tokens = keras.Input((5, 6))
    x = shared(tokens, tokens)
    x = shared(x, x)
    x, scores = asked(x, return_attention_scores=True)
    body = keras.Model(tokens, [x, scores], name="body")
    outer = keras.Input((5, 6), dtype="int32")
    y, used = body(layers.Rescaling(0.1)(outer))
    tail = keras.Sequential([keras.Input((5, 6)), MultiHeadSelfAttention(3, name="tail")])
    model = keras.Model(outer, [tail(y), used])

    inputs = rng.integers(0, 20, (2, 5, 6))
    maps = attention_maps(model, inputs + 0.4)  # which the model takes as integers
    assert list(maps) == ["shared", "shared:2", "asked", "tail"]
    x = ops.convert_to_tensor(0.1 * inputs, "float32")
    for name in ("shared", "shared:2"):
        x, expected = shared(x, x, return_attention_scores=True)
        np.testing.assert_allclose(maps[name], numpy(expected), rtol=1e-4)
    np.testing.assert_allclose(maps["asked"], model.predict(inputs, verbose=0)[1], rtol=1e-4)
    x, _ = asked(x, return_attention_scores=True)
    _, expected = tail.layers[-1](x, return_attention_scores=True)
    np.testing.assert_allclose(maps["tail"], numpy(expected), rtol=1e-4)

    alone = attention_maps(tail, numpy(x))
    np.testing.assert_allclose(alone["tail"], maps["tail"], rtol=1e-4)


def test_maps_need_attention_and_a_graph():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="only")], name="mine")
    with pytest.raises(ValueError, match="MultiHeadAttention. Received: 'mine' with.* only"):
        attention_maps(model, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="one that was built.*Sequential"):
        attention_maps(keras.Sequential([MultiHeadSelfAttention(2)]), np.zeros((1, 4, 2)))


def test_rollout_by_hand():
    """Two layers of two tokens, of one head and of two."""
    first = np.array([[[[0.5, 0.5], [0.0, 1.0]]]], "float32")
    second = np.array([[[[1.0, 0.0], [0.2, 0.8]], [[0.0, 1.0], [0.6, 0.4]]]], "float32")
    # With the shortcuts: [[.75, .25], [0, 1]], then [[.75, .25], [.2, .8]].
    expected = [[[0.75 * 0.75, 0.75 * 0.25 + 0.25], [0.2 * 0.75, 0.2 * 0.25 + 0.8]]]
    rollout = attention_rollout({"first": first, "second": second})
    np.testing.assert_allclose(rollout, expected, rtol=1e-6)


@pytest.mark.parametrize("tokens", [6, 7])
def test_rollout_to_the_grid(tokens):
    maps = random_maps(3, tokens=tokens)
    rollout = attention_rollout(maps, GRID)
    assert rollout.shape == (2, *GRID)
    whole = attention_rollout(maps)
    np.testing.assert_allclose(whole.sum(axis=-1), np.ones((2, tokens)), rtol=1e-5)
    for image, row, column in np.ndindex(2, *GRID):
        patch = 3 * row + column
        if tokens == 7:  # the class token is the first
            expected = whole[image, 0, 1 + patch]
        else:
            expected = np.mean([whole[image, token, patch] for token in range(6)])
        np.testing.assert_allclose(rollout[image, row, column], expected, rtol=1e-5)


@pytest.mark.parametrize("tokens", [6, 7])
def test_distance_by_a_loop(tokens):
    maps = random_maps(2, tokens=tokens)
    found = mean_attention_distance(maps, GRID, patch_size=5)
    assert found.shape == (2, 3)
    places = [(5 * row, 5 * column) for row in range(2) for column in range(3)]
    for i, scores in enumerate(maps.values()):
        for head in range(3):
            means = []
            for image in range(2):
                for p in range(6):
                    weights = scores[image, head, p + tokens - 6, tokens - 6 :]
                    lengths = [np.hypot(a - places[p][0], b - places[p][1]) for a, b in places]
                    means.append(np.average(lengths, weights=weights))
            np.testing.assert_allclose(found[i, head], np.mean(means), rtol=1e-5)


def test_a_patch_that_attends_to_the_class_token_alone_has_no_distance():
    scores = np.eye(7)
    scores[1, 1:] = [0, 0.25, 0, 0.75, 0, 0]  # 1 to the right, and 1 below
    scores[2, :3] = [1, 0, 0]
    found = mean_attention_distance({"layer": scores[None, None]}, GRID, 1)
    np.testing.assert_allclose(found, [[1 / 5]])


def test_distance_of_known_attention():
    """To itself, to all alike, and to all alike beside half to the class token."""
    itself, alike = np.eye(7), np.full((7, 7), 1 / 7)
    to_class = np.concatenate([np.full((7, 1), 0.5), np.full((7, 6), 1 / 12)], axis=1)
    maps = {"layer": np.stack([itself, alike, to_class])[None]}
    # From a corner 0, 1, 2, 1, sqrt 2, sqrt 5; from the middle of a row 0, 1, 1, 1, sqrt 2 twice.
    corner, middle = 4 + 2**0.5 + 5**0.5, 3 + 2 * 2**0.5
    mean = 16 * (4 * corner + 2 * middle) / 36
    found = mean_attention_distance(maps, GRID, 16)
    np.testing.assert_allclose(found, [[0, mean, mean]], rtol=1e-6)


def test_a_grid_of_other_tokens():
    for function in (attention_rollout, lambda maps, grid: mean_attention_distance(maps, grid, 1)):
        with pytest.raises(ValueError, match=r"Received: grid=\(2, 2\) for 7 tokens"):
            function(random_maps(1), (2, 2))


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("two_dimensions", [False, True])
def test_similarity_of_positions(network, class_token, two_dimensions):
    """Those that the layer adds, which the zeros of no token hide."""
    model = network(class_token)
    if two_dimensions:
        image = keras.Input((8, 12, 3))
        tokens = PatchEmbedding(8, 4)(image)
        tokens = ClassToken()(tokens) if class_token else tokens
        layer = PositionEmbedding2D(GRID, keras.initializers.RandomNormal(seed=0))
        model = keras.Model(image, layer(tokens))
    else:
        layer = model.get_layer("position_embedding")
    found = position_similarity(model)
    assert found.shape == (*GRID, *GRID)
    (vectors,) = numpy(layer(np.zeros((1, *layer.embeddings.shape), "float32")))
    vectors = vectors[1:] if class_token else vectors
    for i, j, k, m in np.ndindex(*GRID, *GRID):
        a, b = vectors[3 * i + j], vectors[3 * k + m]
        cosine = a @ b / np.sqrt((a @ a) * (b @ b))
        np.testing.assert_allclose(found[i, j, k, m], cosine, rtol=1e-4, atol=1e-6)
        if (i, j) == (k, m):
            assert found[i, j, k, m] == pytest.approx(1, abs=1e-6)


def test_filters_are_eigenvectors():
    """Of the covariance of the filters over the width, in the order of its eigenvalues."""
    image = keras.Input((8, 12, 3))
    layer = PatchEmbedding(128, 4)
    model = keras.Model(image, layer(image))
    kernel = np.array(numpy(layer.kernel))
    kernel += rng.normal(size=(*kernel.shape[:3], 1))  # a mean that is not 0
    layer.kernel.assign(kernel)
    found = embedding_filters(model, 5)
    assert found.shape == (5, 4, 4, 3)
    np.testing.assert_allclose(found.max(axis=(1, 2, 3)), 1, rtol=1e-6)
    assert found.min() >= 0
    covariance = np.cov(kernel.reshape(48, 128).astype("float64"))
    vectors = np.linalg.eigh(covariance)[1]
    for i in range(5):
        mine = found[i].reshape(48) - 0.5
        theirs = vectors[:, -1 - i]
        assert abs(mine @ theirs) / np.linalg.norm(mine) == pytest.approx(1, abs=1e-3)
    assert embedding_filters(model, 100).shape == (48, 4, 4, 3)


def test_positions_and_filters_need_their_layers():
    image = keras.Input((8, 12, 3))
    model = keras.Model(image, PatchEmbedding(6, 4, name="patches")(image), name="mine")
    with pytest.raises(
        ValueError,
        match="layer PositionEmbedding or PositionEmbedding2D. Received: 'mine' with.*patches",
    ):
        position_similarity(model)
    tokens = keras.Input((6, 4))
    model = keras.Model(tokens, PositionEmbedding()(tokens))
    with pytest.raises(ValueError, match="must have a layer PatchEmbedding"):
        embedding_filters(model)
