import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.applications.lenet5 import C3_CONNECTIONS
from keras_classics.initializers import FanInUniform
from keras_classics.layers import MapConv2D

UNEVEN = [[2], [3, 0], [0, 1, 3], [1]]  # an order that is not sorted, and maps read unevenly


def by_hand(x, kernel, bias, connections, strides, padding):
    """Each output as the sum over its map's links, window and shift, one product at a time."""
    rows, columns, _ = kernel.shape
    down, across = strides
    _, height, width, _ = x.shape
    top = left = 0
    if padding == "same":
        new_height, new_width = -(-height // down), -(-width // across)
        top = max((new_height - 1) * down + rows - height, 0) // 2
        left = max((new_width - 1) * across + columns - width, 0) // 2
    else:
        new_height, new_width = (height - rows) // down + 1, (width - columns) // across + 1
    y = np.zeros((len(x), new_height, new_width, len(connections)))
    for p, r, c in np.ndindex(*y.shape[:3]):
        link = 0
        for i, maps in enumerate(connections):
            y[p, r, c, i] = bias[i]
            for m in maps:
                for dr, dc in np.ndindex(rows, columns):
                    row, column = r * down + dr - top, c * across + dc - left
                    if 0 <= row < height and 0 <= column < width:
                        y[p, r, c, i] += kernel[dr, dc, link] * x[p, row, column, m]
                link += 1
    return y


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, (1, 2), (3, 1)])
@pytest.mark.parametrize("kernel_size", [(2, 3), 3])
def test_values(padding, strides, kernel_size):
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 6, 7, 4)).astype("float32")
    layer = MapConv2D(4, kernel_size, UNEVEN, strides=strides, padding=padding)
    layer.build(x.shape)
    kernel, bias = random.normal(size=layer.kernel.shape), random.normal(size=4)
    layer.set_weights([kernel, bias])
    pair = (strides, strides) if isinstance(strides, int) else strides
    expected = by_hand(x, kernel, bias, UNEVEN, pair, padding)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)


def test_activation_and_no_bias():
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 4)).astype("float32")
    plain = MapConv2D(4, 2, UNEVEN, use_bias=False)
    squashed = MapConv2D(4, 2, UNEVEN, use_bias=False, activation="tanh")
    y = ops.convert_to_numpy(plain(x))
    squashed.build(x.shape)
    squashed.set_weights(plain.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(squashed(x)), np.tanh(y), rtol=1e-5, atol=1e-6)


def test_a_full_table_is_a_convolution():
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")
    full = keras.layers.Conv2D(2, (2, 3), bias_initializer="normal")
    expected = ops.convert_to_numpy(full(x))
    layer = MapConv2D(2, (2, 3), [range(3), range(3)])
    layer.build(x.shape)
    kernel, bias = full.get_weights()
    layer.set_weights([kernel.transpose(0, 1, 3, 2).reshape(2, 3, 6), bias])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)


def test_an_integer_kernel_size_is_square():
    layer = MapConv2D(1, 3, [[0]])
    layer.build((None, 5, 7, 1))
    assert layer.kernel.shape == (3, 3, 1)
    assert layer.get_config()["kernel_size"] == 3


def test_an_unread_map_changes_nothing_and_a_read_one_only_its_readers():
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 4)).astype("float32")
    layer = MapConv2D(3, 2, [[0], [0, 2], [2]])
    before = ops.convert_to_numpy(layer(x))
    for m, readers in [(0, [0, 1]), (1, []), (2, [1, 2]), (3, [])]:
        changed = x.copy()
        changed[..., m] += 1
        differs = np.any(ops.convert_to_numpy(layer(changed)) != before, axis=(0, 1, 2))
        assert np.flatnonzero(differs).tolist() == readers


def test_lenet5_c3_has_the_papers_parameters():
    layer = MapConv2D(16, 5, C3_CONNECTIONS)
    layer.build((None, 14, 14, 6))
    assert layer.kernel.shape == (5, 5, 60)
    assert layer.count_params() == 1516


def test_gradients_reach_every_weight(gradients):
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype("float32")
    layer = MapConv2D(4, (2, 3), UNEVEN, activation="tanh")
    layer.build(x.shape)
    for g in gradients(layer, x):
        assert np.isfinite(g).all()
        assert (g != 0).all()


def starts(initializer, connections, channels=6):
    """The kernels of each output map, cut from the start of the weight."""
    layer = MapConv2D(len(connections), 5, connections, kernel_initializer=initializer)
    layer.build((None, 9, 11, channels))
    ends = np.cumsum([len(maps) for maps in connections])[:-1]
    return np.split(ops.convert_to_numpy(layer.kernel), ends, axis=-1)


@pytest.mark.parametrize("seed", [None, 0, 5, "generator"])
@pytest.mark.parametrize("kind", [FanInUniform, keras.initializers.GlorotUniform])
def test_maps_start_different_from_each_other(kind, seed):
    """One initializer instance with an integer seed draws the same values at each call."""
    seed = keras.random.SeedGenerator(3) if seed == "generator" else seed
    kernels = starts(kind(seed=seed), [[0, 1], [1, 2], [2, 3], [0, 1]])
    for i, kernel in enumerate(kernels):
        for other in kernels[:i]:
            assert not np.allclose(kernel, other)


def test_links_of_one_map_start_different_from_each_other():
    (kernel,) = starts(FanInUniform(seed=1), [[0, 1, 2]])
    assert len(np.unique(kernel)) == kernel.size


def test_an_integer_seed_repeats():
    first, second = (starts(FanInUniform(seed=5), UNEVEN) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_start_ranges_follow_each_maps_own_fan_in():
    table = [[0], [0, 1, 2], [0, 1, 2, 3, 4, 5]] * 20
    kernels = starts(FanInUniform(), table)
    for links in (1, 3, 6):
        drawn = np.abs(np.concatenate([k.ravel() for k in kernels if k.shape[-1] == links]))
        limit = 2.4 / (25 * links)
        assert 0.97 * limit < drawn.max() <= limit * (1 + 1e-6)


@pytest.mark.parametrize("initializer", ["zeros", "he_normal", keras.initializers.Constant(0.5)])
def test_any_initializer(initializer):
    assert np.isfinite(np.concatenate(starts(initializer, UNEVEN), axis=-1)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 5, [[0], [1]]), "one list of input maps for each.*filters=3 and 2 lists"),
        ((2, 5, [[0], []]), r"lists of input maps.*connections=\[\[0\], \[\]\]"),
        ((2, 5, [[0, 0], [1]]), r"no input map twice.*connections\[0\]=\[0, 0\]"),
        ((1, 5, [[1, -1]]), r"from 0.*connections=\[\[1, -1\]\]"),
    ],
)
def test_a_wrong_table(arguments, message):
    with pytest.raises(ValueError, match=message):
        MapConv2D(*arguments)


def test_a_map_that_the_input_lacks():
    layer = MapConv2D(2, 3, [[0], [1, 4]], name="C3")
    with pytest.raises(ValueError, match=r"reads input map 4.*'C3' has the maps 0 to 3"):
        layer(np.ones((1, 5, 7, 4), "float32"))


def test_a_wrong_padding():
    with pytest.raises(ValueError, match=r"must be .valid. or .same.\. Received: padding='full'"):
        MapConv2D(1, 3, [[0]], padding="full")


def test_needs_maps():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        MapConv2D(1, 3, [[0]])(np.ones((2, 7), "float32"))
