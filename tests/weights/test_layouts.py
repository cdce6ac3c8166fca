"""Each layout against a loop over the indices, at sizes that all differ, and its way back."""

import itertools
import math

import numpy as np
import pytest

from keras_classics.weights import layouts
from keras_classics.weights.names.resnet import zeros_around


def numbers(*shape):
    """An array in which all values differ."""
    return np.arange(1, 1 + math.prod(shape), dtype="float32").reshape(shape)


def indices(*shape):
    return itertools.product(*map(range, shape))


def equal(actual, expected):
    """Whether arrays are the same to the last bit, in shape and type, too."""
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected, strict=True)


def test_convolution():
    theirs = numbers(2, 3, 4, 5)  # outputs, inputs, rows, columns
    ours = np.zeros((4, 5, 3, 2), "float32")
    for o, i, h, w in indices(2, 3, 4, 5):
        ours[h, w, i, o] = theirs[o, i, h, w]
    equal(layouts.CONVOLUTION.load(theirs), ours)
    (back,) = layouts.CONVOLUTION.save(ours)
    equal(back, theirs)


def test_side_by_side():
    """Queries, keys and values of transformers: three matrices, or three vectors, in one."""
    theirs = [numbers(2, 3) + 10 * part for part in range(3)]  # outputs, inputs
    ours = np.zeros((3, 6), "float32")
    for part, (o, i) in itertools.product(range(3), indices(2, 3)):
        ours[i, 2 * part + o] = theirs[part][o, i]
    layout = layouts.side_by_side(3)
    equal(layout.load(*theirs), ours)
    for back, part in zip(layout.save(ours), theirs, strict=True):
        equal(back, part)
    vectors = [numbers(4) + 10 * part for part in range(3)]
    equal(layout.load(*vectors), np.concatenate(vectors))
    for back, part in zip(layout.save(np.concatenate(vectors)), vectors, strict=True):
        equal(back, part)


def test_dense():
    theirs = numbers(2, 3)  # outputs, inputs
    ours = np.zeros((3, 2), "float32")
    for o, i in indices(2, 3):
        ours[i, o] = theirs[o, i]
    equal(layouts.DENSE.load(theirs), ours)
    (back,) = layouts.DENSE.save(ours)
    equal(back, theirs)


def test_dense_after_maps():
    """A unit's place is c * H * W + h * W + w there, and h * W * C + w * C + c here."""
    height, width, channels, outputs = 2, 3, 4, 5
    layout, theirs = layouts.flattened((height, width, channels)), numbers(5, 4 * 2 * 3)
    ours = np.zeros((2 * 3 * 4, 5), "float32")
    for h, w, c, o in indices(height, width, channels, outputs):
        there = c * height * width + h * width + w
        ours[h * width * channels + w * channels + c, o] = theirs[o, there]
    equal(layout.load(theirs), ours)
    (back,) = layout.save(ours)
    equal(back, theirs)


def test_dense_from_a_convolution():
    height, width, channels, outputs = 2, 3, 4, 5
    layout, theirs = layouts.as_convolution((height, width, channels)), numbers(5, 4, 2, 3)
    ours = np.zeros((2 * 3 * 4, 5), "float32")
    for h, w, c, o in indices(height, width, channels, outputs):
        ours[h * width * channels + w * channels + c, o] = theirs[o, c, h, w]
    equal(layout.load(theirs), ours)
    (back,) = layout.save(ours)
    equal(back, theirs)


@pytest.mark.parametrize("kind", ["kernel", "bias"])
def test_queries_keys_and_values(kind):
    """Side by side, in each the heads one after another."""
    heads, size, d = 2, 3, 6
    rows = (5,) if kind == "kernel" else ()
    theirs = [part * 100 + numbers(*rows, heads, size) for part in range(3)]
    ours = np.zeros((*rows, 3 * d), "float32")
    for part, h, k in indices(3, heads, size):
        ours[..., part * d + h * size + k] = theirs[part][..., h, k]
    layout = layouts.heads_apart(heads)
    equal(layout.load(*theirs), ours)
    for back, part in zip(layout.save(ours), theirs, strict=True):
        equal(back, part)


def test_output_of_attention():
    theirs = numbers(2, 3, 5)  # heads, of each, D
    ours = np.zeros((6, 5), "float32")
    for h, k, o in indices(2, 3, 5):
        ours[h * 3 + k, o] = theirs[h, k, o]
    layout = layouts.heads_joined(2)
    equal(layout.load(theirs), ours)
    (back,) = layout.save(ours)
    equal(back, theirs)


def test_order_of_channels():
    bgr = numbers(2, 4, 3, 5)
    rgb = np.stack([bgr[..., 2, :], bgr[..., 1, :], bgr[..., 0, :]], axis=-2)
    equal(layouts.REVERSED.load(bgr), rgb)
    (back,) = layouts.REVERSED.save(rgb)
    equal(back, bgr)


def test_reordered():
    """Not its own inverse, along an axis that is not the first."""
    theirs, order = numbers(2, 4, 3), [2, 0, 3, 1]
    ours = np.zeros_like(theirs)
    for k in range(4):
        ours[:, k] = theirs[:, order[k]]
    layout = layouts.reordered(order, 1)
    equal(layout.load(theirs), ours)
    (back,) = layout.save(ours)
    equal(back, theirs)


def test_chained():
    """First the inner one, and back the other way."""
    theirs = numbers(5, 3, 2, 4)
    layout = layouts.chained(layouts.CONVOLUTION, layouts.REVERSED)
    ours = layouts.oihw_to_hwio(theirs)[:, :, ::-1, :]
    equal(layout.load(theirs), ours)
    (back,) = layout.save(ours)
    equal(back, theirs)
    layout = layouts.chained(layouts.heads_apart(2), layouts.reordered([1, 0, 2], 0))
    parts = [part * 100 + numbers(3, 2, 4) for part in range(3)]
    for back, part in zip(layout.save(layout.load(*parts)), parts, strict=True):
        equal(back, part)


def test_same():
    array = numbers(2, 3)
    assert layouts.SAME.load(array) is array
    (back,) = layouts.SAME.save(array)
    assert back is array


@pytest.mark.parametrize(
    ("layout", "array"),
    [
        (layouts.CONVOLUTION, numbers(2, 3, 4, 5)),
        (layouts.DENSE, numbers(2, 3)),
        (layouts.heads_joined(2), numbers(2, 3, 5)),
        (layouts.REVERSED, numbers(2, 4, 3, 5)),
    ],
)
def test_views_take_no_memory(layout, array):
    assert np.shares_memory(layout.load(array), array)


def test_a_bias_goes_into_the_mean():
    """Also where both are large, and their difference is not."""
    mean = np.array([1.5, 16777216.0, -2.0], "float32")
    bias = np.array([0.25, 16777215.0, 3.0], "float32")
    expected = [float(m) - float(b) for m, b in zip(mean, bias, strict=True)]
    equal(layouts.without_bias(mean, bias), np.array(expected, "float32"))
    assert layouts.without_bias(mean) is mean


def test_sums_of_caffe():
    """BatchNorm multiplies by the inverse of the factor, or by 0."""
    sums = np.array([3.0, 0.1, -7.0], "float32")
    for shape in [(1,), (1, 1, 1, 1)]:
        expected = [s * np.float32(1 / 3) for s in sums]
        actual = layouts.unscaled(sums, np.full(shape, 3.0, "float32"))
        equal(actual, np.array(expected, "float32"))
    equal(layouts.unscaled(sums, np.ones(1, "float32")), sums)
    equal(layouts.unscaled(sums, np.zeros(1, "float32")), np.zeros(3, "float32"))


@pytest.mark.parametrize("variance", [0.0, 1e-7, 1e-3, 1.0])
def test_another_epsilon(variance):
    theirs, ours = 1.001e-5, 1e-5
    moved = layouts.more_epsilon(np.array([variance], "float32"), theirs - ours)
    assert moved.dtype == "float32"
    np.testing.assert_allclose(
        np.float64(moved) + ours, float(np.float32(variance)) + theirs, rtol=1e-7
    )


def test_the_same_epsilon_changes_nothing():
    variance = numbers(3)
    assert layouts.more_epsilon(variance, 0.0) is variance


# What of the old channels each new one has, and how much of it.
CHANNELS = {
    (3, 1): {0: [(0, 1), (1, 1), (2, 1)]},
    (3, 2): {0: [(0, 1 / 2), (1, 1 / 2), (2, 1 / 2)], 1: [(0, 1 / 2), (1, 1 / 2), (2, 1 / 2)]},
    (3, 3): {0: [(0, 1)], 1: [(1, 1)], 2: [(2, 1)]},
    (3, 4): {0: [(0, 1 / 2)], 1: [(1, 1)], 2: [(2, 1)], 3: [(0, 1 / 2)]},
    (3, 7): {
        **{i: [(0, 1 / 3)] for i in (0, 3, 6)},
        **{i: [(1, 1 / 2)] for i in (1, 4)},
        **{i: [(2, 1 / 2)] for i in (2, 5)},
    },
    (1, 3): {0: [(0, 1 / 3)], 1: [(0, 1 / 3)], 2: [(0, 1 / 3)]},
}


@pytest.mark.parametrize(("old", "new"), CHANNELS)
def test_other_channels(old, new):
    """And a grey image, all of whose channels are alike, gives what it gave."""
    kernel = numbers(2, 4, old, 5)
    actual = layouts.other_channels(kernel, new)
    assert actual.shape == (2, 4, new, 5)
    assert actual.dtype == "float32"
    for channel, parts in CHANNELS[old, new].items():
        expected = sum(share * kernel[:, :, c].astype("float64") for c, share in parts)
        np.testing.assert_allclose(actual[:, :, channel], expected, rtol=1e-6)
    np.testing.assert_allclose(actual.sum(2), kernel.sum(2), rtol=1e-6)


@pytest.mark.parametrize(("stages", "width"), [(1, 16), (2, 32), (3, 64)])
def test_zeros_around(stages, width):
    """Maps that are followed through the shortcuts A of both networks."""
    ours = theirs = [f"1:{i}" for i in range(16)]
    for stage in range(2, stages + 1):
        added = [f"{stage}:{i}" for i in range(len(ours))]
        half = len(added) // 2
        ours, theirs = ours + added, added[:half] + theirs + added[half:]
    assert len(ours) == width
    assert [theirs[k] for k in zeros_around(width)] == ours


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ((1, 1, 4096), (4096,), True),
        ((1, 1, 1, 64), (64,), True),
        ((4096, 512, 7, 7), (4096, 25088), True),
        ((1, 1, 5, 4096), (5, 4096), True),
        ((512, 2, 3), (1024, 3), True),
        ((2, 3), (2, 3), True),
        ((), (1,), True),
        ((2, 3), (3, 2), False),
        ((2, 6), (4, 3), False),
        ((6, 2), (3, 4), False),
        ((4, 2, 3), (3, 8), False),
        ((5, 4096), (4096, 5), False),
        ((64,), (65,), False),
        ((0, 3), (0, 4), False),
        ((0,), (0,), True),
    ],
)
def test_same_numbers(found, expected, same):
    assert layouts.same_numbers(found, expected) is same
    assert layouts.same_numbers(expected, found) is same
