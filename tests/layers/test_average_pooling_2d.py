import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.layers import AveragePooling2D

INPUTS = np.random.default_rng(0).normal(3, 1, (2, 6, 9, 3)).astype("float32")


def by_hand(x, size, strides, padding):
    """Sums over the positions of each window that lie inside of the map, and their number."""
    starts = []
    for side, z, s in zip(x.shape[1:3], size, strides, strict=True):
        outputs = -(-side // s) if padding == "same" else (side - z) // s + 1
        before = max((outputs - 1) * s + z - side, 0) // 2 if padding == "same" else 0
        starts.append([k * s - before for k in range(outputs)])
    y = np.zeros((len(x), len(starts[0]), len(starts[1]), x.shape[-1]))
    for p, r, c, m in np.ndindex(*y.shape):
        total, count = 0.0, 0
        for i in range(starts[0][r], starts[0][r] + size[0]):
            for j in range(starts[1][c], starts[1][c] + size[1]):
                if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                    total, count = total + float(x[p, i, j, m]), count + 1
        y[p, r, c, m] = total / count
    return y


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("pool_size", "strides"),
    [(3, 2), (3, 1), (2, 2), ((2, 4), (1, 3)), ((5, 3), 2), (4, 3), (2, 3)],
)
def test_values(pool_size, strides, padding):
    """Windows of even and odd size on even and odd sides; the zeros differ on the two edges."""
    pair = [(v, v) if isinstance(v, int) else v for v in (pool_size, strides)]
    y = ops.convert_to_numpy(AveragePooling2D(pool_size, strides, padding)(INPUTS))
    np.testing.assert_allclose(y, by_hand(INPUTS, *pair, padding), rtol=1e-5)


@pytest.mark.parametrize(("dtype", "rounding"), [("bfloat16", 2**-8), ("float16", 2**-11)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_half_precision(dtype, rounding, padding):
    """Only the average is rounded, not each sum: those of ones in bfloat16 would stay at 256."""
    x = np.random.default_rng(2).uniform(0.5, 1.5, (2, 32, 32, 3)).astype("float32")
    x = ops.convert_to_numpy(ops.cast(ops.cast(x, dtype), "float32"))
    y = AveragePooling2D((31, 7), (1, 5), padding, dtype=dtype)(x)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    y = ops.convert_to_numpy(ops.cast(y, "float32"))
    np.testing.assert_allclose(y, by_hand(x, (31, 7), (1, 5), padding), rtol=1.1 * rounding)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (7, 2, 1)])
def test_maps_smaller_than_the_window(shape):
    x = np.random.default_rng(1).normal(3, 1, (2, *shape)).astype("float32")
    y = ops.convert_to_numpy(AveragePooling2D(5, 2, "same")(x))
    np.testing.assert_allclose(y, by_hand(x, (5, 5), (2, 2), "same"), rtol=1e-5)


def test_gradients(gradients):
    """Each output gives each value inside of its window an equal share."""
    layer = AveragePooling2D(3, 2, "same")
    (found,) = gradients(layer, INPUTS)
    uneven = np.linspace(0.5, 1.5, 2 * 3 * 5 * 3).reshape(2, 3, 5, 3)
    expected = np.zeros_like(INPUTS, "float64")
    for index in np.ndindex(*INPUTS.shape[1:3]):
        one = np.zeros_like(INPUTS)
        one[:, index[0], index[1]] = 1
        share = by_hand(one, (3, 3), (2, 2), "same")
        expected[:, index[0], index[1]] = (share * uneven).sum((1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_maps_of_any_size():
    model = keras.Sequential([keras.Input((None, None, 3)), AveragePooling2D(3, 2, "same")])
    assert model.output_shape == (None, None, None, 3)
    y = ops.convert_to_numpy(model(INPUTS))
    np.testing.assert_allclose(y, by_hand(INPUTS, (3, 3), (2, 2), "same"), rtol=1e-5)
