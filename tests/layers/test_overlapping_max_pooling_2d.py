import numpy as np
import pytest
from keras import ops

from keras_classics.layers import OverlappingMaxPooling2D

# Negative throughout: a zero from beyond the edge would win.
INPUTS = -np.random.default_rng(0).uniform(1, 9, size=(2, 6, 9, 3)).astype("float32")


def windows(x, size, strides, padding):
    """Of each output: its index, and the rows and columns of its window."""
    _, *sides, _ = x.shape
    starts = []
    for side, z, s in zip(sides, size, strides, strict=True):
        if padding == "same":
            outputs = -(-side // s)
            before = max((outputs - 1) * s + z - side, 0) // 2
        else:
            outputs, before = (side - z) // s + 1, 0
        spans = [(k * s - before, k * s - before + z) for k in range(outputs)]
        starts.append([slice(max(a, 0), min(b, side)) for a, b in spans])
    return starts


def by_hand(x, size, strides, padding):
    rows, columns = windows(x, size, strides, padding)
    y = np.zeros((len(x), len(rows), len(columns), x.shape[-1]))
    for p, r, c, m in np.ndindex(*y.shape):
        y[p, r, c, m] = max(x[p, rows[r], columns[c], m].ravel())
    return y


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("pool_size", "strides"), [(3, 2), (3, 1), ((2, 4), (1, 3)), ((5, 3), 2), (4, 3)]
)
def test_values(pool_size, strides, padding):
    size = (pool_size, pool_size) if isinstance(pool_size, int) else pool_size
    pair = (strides, strides) if isinstance(strides, int) else strides
    y = ops.convert_to_numpy(OverlappingMaxPooling2D(pool_size, strides, padding)(INPUTS))
    np.testing.assert_array_equal(y, by_hand(INPUTS, size, pair, padding).astype("float32"))


def test_defaults_are_the_papers():
    y = ops.convert_to_numpy(OverlappingMaxPooling2D()(INPUTS))
    np.testing.assert_array_equal(y, by_hand(INPUTS, (3, 3), (2, 2), "valid").astype("float32"))


def test_alexnets_maps():
    """55, 27, 13, 6; a window of 2 gives the same (section 3.4)."""
    sides = [55]
    for _ in range(3):
        shape = OverlappingMaxPooling2D().compute_output_shape((None, sides[-1], sides[-1], 1))
        sides.append(shape[1])
    assert sides == [55, 27, 13, 6]


def test_gradients(gradients):
    """Each output's coefficient goes to the largest of its window."""
    rows, columns = windows(INPUTS, (3, 3), (2, 2), "valid")
    shape = (2, len(rows), len(columns), 3)
    upstream = np.linspace(0.5, 1.5, np.prod(shape)).reshape(shape)
    expected = np.zeros(INPUTS.shape)
    for p, r, c, m in np.ndindex(*shape):
        seen = INPUTS[p, rows[r], columns[c], m]
        expected[p, rows[r], columns[c], m] += upstream[p, r, c, m] * (seen == seen.max())
    found = gradients(OverlappingMaxPooling2D(), INPUTS)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (2, 3), ((3, 2), 2), ((2, 3), (2, 1))])
def test_windows_that_do_not_overlap(pool_size, strides):
    with pytest.raises(ValueError, match=r"make `strides` smaller than `pool_size`.*Received: "):
        OverlappingMaxPooling2D(pool_size, strides)
