import keras
import numpy as np
import pytest

from keras_classics.preprocessing import RandomErasing

HEIGHT, WIDTH = 48, 64


def erased(n=600, **arguments):
    """The noise of many images of 7s, and where it is."""
    images = np.full((n, HEIGHT, WIDTH, 2), 7, "float32")
    layer = RandomErasing(**{"share": 1.0, "seed": 1, **arguments})
    y = keras.ops.convert_to_numpy(layer(images, training=True))
    where = (y != 7).all(-1)
    assert ((y == 7).all(-1) | where).all()
    return y, where


def sides(where):
    """Height and width of each rectangle; that it is one."""
    rows, columns = where.any(2), where.any(1)
    np.testing.assert_array_equal(where, rows[:, :, None] & columns[:, None])
    for line in (rows, columns):
        assert (np.abs(np.diff(np.pad(line, [(0, 0), (1, 1)]).astype(int))).sum(1) <= 2).all()
    return rows.sum(1), columns.sum(1)


def test_area_and_aspect():
    """Even from 2 % to a third, and on a log scale from 0.3 to 3.3."""
    _, where = erased(1500)
    height, width = sides(where)
    area, aspect = height * width / (HEIGHT * WIDTH), np.log(height / width)
    assert area.min() > 0.015
    assert area.max() < 0.35
    np.testing.assert_allclose(np.quantile(area, [0.1, 0.5, 0.9]), [0.05, 0.174, 0.298], atol=0.02)
    assert np.abs(np.quantile(aspect, [0, 1])).max() < np.log(1 / 0.3) + 0.2
    fitting = aspect[area < 0.15]  # which all fit
    expected = np.log(0.3) * np.array([0.6, 0.0, -0.6])
    np.testing.assert_allclose(np.quantile(fitting, [0.2, 0.5, 0.8]), expected, atol=0.2)
    assert abs(np.corrcoef(area, aspect)[0, 1]) < 0.1


def test_positions():
    """All alike: each edge is reached, and the middle is the image's."""
    _, where = erased(1500, area=(0.02, 0.02), aspect=(1.0, 1.0))
    np.testing.assert_array_equal(np.unique(sides(where)), [8])
    tops, lefts = where.any(2).argmax(1), where.any(1).argmax(1)
    for starts, room in ((tops, HEIGHT - 8), (lefts, WIDTH - 8)):
        assert (starts.min(), starts.max()) == (0, room)
        assert starts.mean() == pytest.approx(room / 2, abs=2)


def test_the_noise_is_normal_and_not_clipped():
    y, where = erased(100)
    noise = y[where]
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.02)
    assert noise.min() < -3
    assert noise.max() > 3
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.02


def test_the_share_of_the_images():
    _, where = erased(2000, share=0.25)
    assert where.any((1, 2)).mean() == pytest.approx(0.25, abs=0.03)
    _, where = erased(10, share=0.0)
    assert not where.any()


def test_what_never_fits_leaves_the_image():
    _, where = erased(20, area=(1.0, 1.0))
    assert not where.any()


def test_one_image_or_none(through_tf_data):
    image = np.full((20, 30, 3), 7, "float32")
    layer = RandomErasing(1.0, seed=2)
    np.testing.assert_array_equal(layer(image), image)
    (y,) = through_tf_data(layer, [image], training=True)
    share = (y != 7).mean()
    assert 0.01 < share < 0.4


@pytest.mark.parametrize("arguments", [{"share": 1.5}, {"area": (0.0, 0.5)}, {"aspect": (2, 1)}])
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be .*Received: "):
        RandomErasing(**arguments)
