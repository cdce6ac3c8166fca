import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import AreaAspectCrop


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def patches(height, width, n=4000, **arguments):
    """Tops, lefts, heights, widths and flips of the patches of `n` images."""
    images = keras.KerasTensor((n, height, width, 1))  # only its shape is asked for
    box, flip = AreaAspectCrop(seed=1, **arguments).draw(images, training=True)
    return (*(numpy(numbers).astype("float64") for numbers in box), numpy(flip))


def check_even(values, low, high, rounding):
    """The share of values below each point rises in a straight line from `low` to `high`."""
    assert values.min() >= low - rounding
    assert values.max() <= high + rounding
    for share in np.linspace(0.05, 0.95, 19):
        below = (values < low + share * (high - low)).mean()
        spread = 4 * np.sqrt(share * (1 - share) / len(values))
        assert abs(below - share) < spread + rounding / (high - low)


def test_area_and_aspect_of_the_paper():
    top, left, height, width, flip = patches(750, 1000)
    check_even(height * width / (750 * 1000), 0.08, 1.0, rounding=0.005)
    assert (width / height).min() > 0.74
    assert (width / height).max() < 1.35
    # Where every aspect ratio of the range fits, all of them are as likely on a log scale.
    free = height * width < 0.56 * 750 * 1000
    check_even(np.log(width / height)[free], np.log(3 / 4), np.log(4 / 3), rounding=0.005)
    assert abs(flip.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(flip))
    check_even((top + 0.5) / (750 - height + 1), 0, 1, rounding=0.03)
    check_even((left + 0.5) / (1000 - width + 1), 0, 1, rounding=0.03)
    assert (top + height).max() <= 750
    assert (left + width).max() <= 1000
    numbers = [height * width, width / height, top / (751 - height), left / (1001 - width), flip]
    numbers = np.array(numbers)[:, free]
    assert np.abs(np.corrcoef(numbers) - np.eye(5)).max() < 5 / np.sqrt(free.sum())


def test_a_range_of_ones_own():
    _, _, height, width, _ = patches(900, 700, area=(0.2, 0.3), aspect=(0.5, 0.8))
    check_even(height * width / (900 * 700), 0.2, 0.3, rounding=0.003)
    check_even(np.log(width / height), np.log(0.5), np.log(0.8), rounding=0.005)


@pytest.mark.parametrize(("height", "width"), [(100, 500), (500, 100), (3, 2), (1, 1)])
def test_a_patch_that_cannot_have_its_area_is_the_largest_of_its_aspect(height, width):
    top, left, rows, columns, _ = patches(height, width, n=200, area=(1.0, 1.0))
    if (height, width) == (100, 500):
        assert set(rows) == {100}
        assert set(columns) == {133}
        assert left.max() > 300
    if (height, width) == (500, 100):
        assert set(rows) == {133}
        assert set(columns) == {100}
        assert top.max() > 300
    assert rows.min() >= 1
    assert columns.min() >= 1
    assert top.min() >= 0
    assert left.min() >= 0
    assert (top + rows).max() <= height
    assert (left + columns).max() <= width


def by_pillow(image, box, flip, size):
    top, left, height, width = (int(number) for number in box)
    crop = image[top : top + height, left : left + width]
    crop = crop[:, ::-1] if flip else crop
    planes = [
        Image.fromarray(np.ascontiguousarray(plane)).resize(size[::-1], Image.Resampling.BILINEAR)
        for plane in np.moveaxis(crop, -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def test_values_of_a_batch(photograph):
    x = np.stack([photograph(40, 61, seed) for seed in range(12)])
    y = numpy(AreaAspectCrop((16, 30), seed=3)(x, training=True))
    box, flip = AreaAspectCrop((16, 30), seed=3).draw(x, training=True)
    assert set(numpy(flip)) == {False, True}
    for i in range(12):
        expected = by_pillow(x[i], [numpy(b)[i] for b in box], numpy(flip)[i], (16, 30))
        np.testing.assert_allclose(y[i], expected, rtol=1e-4, atol=2e-2)


def test_values_of_one_image(photograph):
    x = photograph(40, 61)
    layer, twin = AreaAspectCrop((16, 30), seed=3), AreaAspectCrop((16, 30), seed=3)
    for _ in range(6):
        box, flip = twin.draw(x, training=True)
        expected = by_pillow(x, [numpy(b) for b in box], numpy(flip), (16, 30))
        np.testing.assert_allclose(numpy(layer(x, training=True)), expected, rtol=1e-4, atol=2e-2)


def test_antialias_off(photograph):
    x = photograph(64, 64)
    layer = AreaAspectCrop(16, area=(1.0, 1.0), aspect=(1.0, 1.0), antialias=False)
    mean = (x[1::4] + x[2::4]) / 2
    np.testing.assert_allclose(numpy(layer(x)), (mean[:, 1::4] + mean[:, 2::4]) / 2, rtol=1e-4)


def test_the_central_square_of_the_mean_area_otherwise(photograph):
    x = photograph(75, 100)
    side = round(np.sqrt(0.54 * 75 * 100))
    expected = by_pillow(x, ((75 - side) // 2, (100 - side) // 2, side, side), False, (20, 20))
    layer = AreaAspectCrop(20)
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=1e-4, atol=2e-2)
    np.testing.assert_allclose(numpy(layer(x[None]))[0], expected, rtol=1e-4, atol=2e-2)


def test_within_tf_data(through_tf_data, photograph):
    images = [photograph(*shape) for shape in [(40, 61), (61, 40), (20, 20), (18, 90)] * 5]
    layer, twin = AreaAspectCrop((16, 30), seed=3), AreaAspectCrop((16, 30), seed=3)
    results = through_tf_data(layer, images, training=True)
    for image, y in zip(images, results, strict=True):
        np.testing.assert_allclose(y, numpy(twin(image, training=True)), rtol=1e-4, atol=2e-2)
    batch = np.stack([photograph(40, 61)] * 3)
    (y,) = through_tf_data(layer, [batch], training=True)
    np.testing.assert_allclose(y, numpy(twin(batch, training=True)), rtol=1e-4, atol=2e-2)
    assert not np.allclose(y[0], y[1])


def test_seed(photograph):
    x = np.stack([photograph(40, 61)] * 3)
    layers = [AreaAspectCrop(12, seed=seed) for seed in (5, 5, 6)]
    first, again, other = (numpy(layer(x, training=True)) for layer in layers)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, numpy(layers[0](x, training=True)))


@pytest.mark.parametrize("area", [(0.0, 1.0), (0.5, 0.4), (0.5, 1.1)])
def test_a_wrong_area(area):
    with pytest.raises(ValueError, match="`area` must be a pair .*at most 1. Received: area="):
        AreaAspectCrop(area=area)


@pytest.mark.parametrize("aspect", [(0, 1), (2, 1)])
def test_a_wrong_aspect(aspect):
    with pytest.raises(ValueError, match="`aspect` must be a pair .*above 0. Received: aspect="):
        AreaAspectCrop(aspect=aspect)
