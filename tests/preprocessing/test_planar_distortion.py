import keras
import numpy as np
import pytest

from keras_classics.preprocessing import PlanarDistortion

NOTHING = {"shift": 0.0, "scale": 0.0, "squeeze": 0.0, "shear": 0.0, "share": 1.0}


def distort(images, **arguments):
    layer = PlanarDistortion(**{**NOTHING, **arguments})
    return keras.ops.convert_to_numpy(layer(images, training=True))


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.fixture
def upper_ends(monkeypatch):
    """Every draw at the upper end of its range; every image is distorted."""

    def uniform(shape, minval=0, maxval=1, dtype=None, seed=None):
        return keras.ops.full(shape, 0.0 if (minval, maxval) == (0, 1) else maxval, "float32")

    monkeypatch.setattr(keras.random, "uniform", uniform)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_every_range_zero_is_the_identity(share):
    images = noise(3, 6, 9, 2)
    np.testing.assert_allclose(distort(images, share=share), images, atol=1e-6)


def test_share_zero_leaves_all():
    images = noise(3, 6, 9, 1)
    layer = PlanarDistortion(share=0.0)
    y = keras.ops.convert_to_numpy(layer(images, training=True))
    np.testing.assert_allclose(y, images, atol=1e-6)


@pytest.mark.parametrize("share", [0.3, 0.9, 1.0])
def test_share(share):
    images = noise(400, 5, 6, 1)
    y = distort(images, shift=2.0, share=share, seed=1)
    moved = np.abs(y - images).max(axis=(1, 2, 3)) > 1e-3
    np.testing.assert_allclose(moved.mean(), share, atol=4 * np.sqrt(share * (1 - share) / 400))


def test_identity_in_inference():
    images = noise(3, 6, 9, 2)
    layer = PlanarDistortion()
    for call in (layer(images), layer(images, training=False)):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(call), images)


def test_seed():
    images = noise(4, 8, 9, 1)
    layer = PlanarDistortion(seed=5)
    first, second = (keras.ops.convert_to_numpy(layer(images, training=True)) for _ in range(2))
    twin = PlanarDistortion(seed=5)
    again = keras.ops.convert_to_numpy(twin(images, training=True))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, second)
    assert not np.allclose(
        first, keras.ops.convert_to_numpy(PlanarDistortion(seed=6)(images, training=True))
    )


def test_one_image():
    """Is distorted as a batch of one."""
    images = np.random.default_rng(0).uniform(0, 1, (1, 9, 12, 2)).astype("float32")
    one, batch = (PlanarDistortion(seed=3, share=1.0) for _ in range(2))
    alone = np.asarray(one(images[0], training=True))
    np.testing.assert_array_equal(alone, np.asarray(batch(images, training=True))[0])
    assert np.abs(alone - images[0]).max() > 0.1
    assert one(keras.Input(batch_shape=(9, 12, 2))).shape == (9, 12, 2)


def test_each_image_is_drawn_on_its_own():
    images = np.repeat(noise(1, 8, 9, 1), 6, axis=0)
    y = distort(images, shift=1.0, scale=0.2, squeeze=0.2, shear=0.3)
    for i in range(6):
        for k in range(i):
            assert not np.allclose(y[i], y[k])


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.usefixtures("upper_ends")
def test_a_pure_shift_moves_the_image_exactly(k):
    """At the upper ends, to the right and down by k pixels; the background comes in."""
    images = noise(2, 7, 10, 2)
    y = distort(images, shift=float(k), background=0.25)
    np.testing.assert_allclose(y[:, k:, k:], images[:, :-k, :-k], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y[:, :k], 0.25, rtol=1e-6)
    np.testing.assert_allclose(y[:, :, :k], 0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "moves"),
    [
        ({"scale": 0.5}, lambda u, v: (1.5 * u, 1.5 * v)),
        ({"squeeze": 0.5}, lambda u, v: (1.5 * u, v / 1.5)),
        ({"shear": 0.5}, lambda u, v: (u + 0.5 * v, v)),
        ({"shear": 1.0, "squeeze": 0.5}, lambda u, v: (1.5 * (u + v), v / 1.5)),
        ({"scale": 0.5, "squeeze": 0.5}, lambda u, v: (2.25 * u, v)),
        (
            {"scale": 0.5, "shear": 1.0, "shift": 2.0},
            lambda u, v: (1.5 * (u + v) + 2, 1.5 * v + 2),
        ),
    ],
)
@pytest.mark.usefixtures("upper_ends")
def test_points_move_as_the_equation_says(arguments, moves):
    """Where a pixel's centre comes to lie on a pixel's centre, its value comes with it."""
    height, width = 13, 17  # odd: the centre is a pixel
    images = noise(2, height, width, 1)
    y = distort(images, background=0.0, **arguments)
    met = 0
    for row, column in np.ndindex(height, width):
        u, v = moves(column - width // 2, row - height // 2)
        new_row, new_column = v + height // 2, u + width // 2
        whole = abs(u - round(u)) < 1e-9 and abs(v - round(v)) < 1e-9
        if whole and 0 <= new_row < height and 0 <= new_column < width:
            np.testing.assert_allclose(
                y[:, round(new_row), round(new_column)], images[:, row, column], atol=1e-4
            )
            met += 1
    assert met >= 9


def affine_maps(n, height, width, **arguments):
    """The map of points to points of `n` distortions, from how blobs move.

    One blob in each channel; the centre of mass of an affinely moved blob is the moved centre.
    """
    points = np.array([(0, 0), (4, 0), (0, 5), (-4, -3)], "float32")  # (u, v)
    v, u = np.mgrid[:height, :width]
    u, v = u - (width - 1) / 2, v - (height - 1) / 2
    blobs = np.stack([np.exp(-((u - a) ** 2 + (v - b) ** 2) / 8) for a, b in points], axis=-1)
    images = np.repeat(blobs[None].astype("float32"), n, axis=0)
    y = distort(images, background=0.0, **arguments).astype("float64")
    total = y.sum(axis=(1, 2))
    moved = np.stack(
        [(y * grid[..., None]).sum(axis=(1, 2)) / total for grid in (u, v)], axis=-1
    )  # (n, points, 2)
    design = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    solutions = [np.linalg.lstsq(design, m, rcond=None)[0] for m in moved]
    residual = max(np.abs(design @ s - m).max() for s, m in zip(solutions, moved, strict=True))
    assert residual < 0.1
    return np.stack(solutions)  # (n, 3, 2): rows for u, v, 1


def test_draws_fill_their_ranges_and_nothing_more():
    shift, scale, squeeze, shear = 3.0, 0.2, 0.15, 0.4
    maps = affine_maps(300, 61, 71, shift=shift, scale=scale, squeeze=squeeze, shear=shear, seed=2)
    (uu, uv), (vu, vv), (tu, tv) = maps.transpose(1, 2, 0)
    s, q, h = np.sqrt(uu * vv), np.sqrt(uu / vv), vu / uu
    np.testing.assert_allclose(uv, 0, atol=0.01)
    for values, centre, reach in [
        (s, 1, scale),
        (q, 1, squeeze),
        (h, 0, shear),
        (tu, 0, shift),
        (tv, 0, shift),
    ]:
        drawn = (values - centre) / reach
        assert drawn.min() == pytest.approx(-1, abs=0.06)
        assert drawn.max() == pytest.approx(1, abs=0.06)
        assert abs(drawn.mean()) < 0.12
        assert drawn.std() == pytest.approx(1 / np.sqrt(3), rel=0.12)
    correlations = np.corrcoef([s, q, h, tu, tv]) - np.eye(5)
    assert np.abs(correlations).max() < 0.22


def test_background_fills_what_comes_from_outside():
    images = np.full((40, 8, 11, 1), 0.5, "float32")
    y = distort(images, shift=3.0, background=-2.0, seed=3)
    assert y.min() == pytest.approx(-2.0)
    assert y.max() == pytest.approx(0.5)
    np.testing.assert_allclose(y[:, 4, 4:7], 0.5, rtol=1e-5)


def test_channels_move_together():
    images = np.repeat(noise(3, 8, 9, 1), 2, axis=-1)
    y = distort(images, shift=1.0, scale=0.2, shear=0.3)
    np.testing.assert_array_equal(y[..., 0], y[..., 1])


@pytest.mark.parametrize(
    "arguments",
    [
        *({"scale": 1.0}, {"scale": -0.1}, {"squeeze": 1}, {"share": 1.0005}, {"share": -0.5}),
        *({"shift": -1}, {"shear": -0.1}),
    ],
)
def test_wrong_ranges(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=rf"`{name}`.* must.*Received:.*{name}={value}"):
        PlanarDistortion(**arguments)
