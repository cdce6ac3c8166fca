"""Response normalization within a map against its equation."""

import keras
import numpy as np
import pytest

from keras_classics.layers import MapResponseNormalization

SETTINGS = [(3, 1.0, 0.3, 0.75), (5, 2.0, 1.0, 0.5), (2, 0.5, 0.7, 1.25), (1, 1.0, 0.3, 0.75)]


def activities():
    return np.random.default_rng(0).normal(0, 2, (2, 5, 7, 3)).astype("float32")


def by_hand(a, size, k, alpha, beta):
    """As in `conv_util.cu`: the window starts `size // 2` before the unit; the edges cut it."""
    b = np.empty(a.shape)
    for n, y, x, m in np.ndindex(*a.shape):
        top, left = y - size // 2, x - size // 2
        window = a[n, max(0, top) : top + size, max(0, left) : left + size, m]
        b[n, y, x, m] = a[n, y, x, m] / (k + alpha * (window.astype("float64") ** 2).sum()) ** beta
    return b


@pytest.mark.parametrize("setting", SETTINGS)
def test_values(setting):
    a = activities()
    found = keras.ops.convert_to_numpy(MapResponseNormalization(*setting)(a))
    np.testing.assert_allclose(found, by_hand(a, *setting), rtol=1e-5)


def test_gradients(gradients):
    """Along one unit in the corner and one inside, by differences."""
    layer, a = MapResponseNormalization(3, 1.0, 0.3, 0.75), activities()
    (found,) = gradients(layer, a)
    upstream = np.linspace(0.5, 1.5, a.size).reshape(a.shape)
    for unit in [(0, 0, 0, 1), (1, 2, 3, 2)]:
        moved = [np.array(a, "float64") for _ in range(2)]
        moved[0][unit] += 1e-4
        moved[1][unit] -= 1e-4
        up, down = ((by_hand(x, 3, 1.0, 0.3, 0.75) * upstream).sum() for x in moved)
        assert float(found[unit]) == pytest.approx((up - down) / 2e-4, rel=1e-3)


def test_half_precision_sums_in_float32():
    """Squares of 300 overflow float16."""
    a = 100 * activities()
    found = keras.ops.convert_to_numpy(MapResponseNormalization(3, 1.0, 0.3, dtype="float16")(a))
    np.testing.assert_allclose(found, by_hand(a.astype("float16"), 3, 1.0, 0.3, 0.75), rtol=5e-3)


def test_maps_of_any_size():
    layer = MapResponseNormalization()
    assert layer(keras.Input((None, None, 4))).shape == (None, None, None, 4)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`size` must be a whole number, at least 1. Received"):
        MapResponseNormalization((3, 3))
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        MapResponseNormalization()(np.ones((2, 3), "float32"))
