import keras
import numpy as np
import pytest

from keras_classics.preprocessing import PCAColorJitter
from keras_classics.preprocessing.pca_color_jitter import COMPONENTS, DEVIATIONS


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def shifts(n, **arguments):
    """The colours that `n` images of one batch got, after a look at all of their pixels."""
    middle = np.mean(arguments.get("value_range", (0, 255)))
    x = np.full((n, 2, 3, 3), middle, "float32")
    x[:, 0, 0] *= 0.9
    difference = numpy(PCAColorJitter(**{"seed": 1, **arguments})(x, training=True)) - x
    colours = difference.mean(axis=(1, 2))
    scale = np.abs(colours).max()
    np.testing.assert_allclose(
        difference, np.broadcast_to(colours[:, None, None], x.shape), atol=3e-5 * scale + 2e-5
    )
    return colours.astype("float64")


@pytest.mark.parametrize(
    ("arguments", "levels"),
    [
        ({}, (12.178, 3.7094, 1.9721)),  # grey levels along the components
        ({"sigma": 0.3}, (36.534, 11.128, 5.9162)),
        ({"reading": "eigenvalue"}, (5.8157, 0.53958, 0.15251)),
        ({"value_range": (0, 1)}, (12.178 / 255, 3.7094 / 255, 1.9721 / 255)),
        ({"value_range": (-1, 1)}, (24.356 / 255, 7.4188 / 255, 3.9442 / 255)),
        ({"value_range": (0, 1), "reading": "eigenvalue"}, (0.022807, 0.0021160, 0.00059808)),
        ({"deviations": (10, 20, 30)}, (1, 2, 3)),
    ],
)
def test_colours_vary_along_the_components_as_much_as_said(arguments, levels):
    along = shifts(6000, **arguments) @ np.transpose(COMPONENTS)
    np.testing.assert_allclose(along.std(axis=0), levels, rtol=0.05)
    assert np.abs(along.mean(axis=0) / levels).max() < 4 / np.sqrt(6000)
    assert np.abs(np.corrcoef(along.T) - np.eye(3)).max() < 0.06
    normal = np.abs(along / levels) < 1
    np.testing.assert_allclose(normal.mean(axis=0), 0.6827, atol=0.03)


def test_components_of_ones_own():
    colours = shifts(500, components=[(0, 1, 0), (0, 0, 1), (1, 0, 0)], deviations=(50, 0, 10))
    green, blue, red = colours[:, 1], colours[:, 2], colours[:, 0]
    assert green.std() == pytest.approx(5, rel=0.15)
    assert red.std() == pytest.approx(1, rel=0.15)
    np.testing.assert_allclose(blue, 0, atol=1e-4)


def test_the_authors_components_are_a_basis_and_the_first_is_brightness():
    np.testing.assert_allclose(COMPONENTS @ np.transpose(COMPONENTS), np.eye(3), atol=2e-5)
    assert len(set(np.sign(COMPONENTS[0]))) == 1
    # The widely copied variances of pixels from 0 to 1 are near.
    np.testing.assert_allclose(
        np.square(np.array(DEVIATIONS[:2]) / 255), [0.2175, 0.0188], rtol=0.13
    )


def test_nothing_changes_otherwise_or_without_sigma(photograph):
    x = photograph(8, 9)
    for y in (PCAColorJitter()(x), PCAColorJitter(sigma=0.0)(x, training=True)):
        np.testing.assert_array_equal(numpy(y), x)
    y = PCAColorJitter()(x.astype("uint8"))
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    np.testing.assert_array_equal(numpy(y), x.astype("uint8"))


def test_one_image_has_one_draw_and_bytes_do_not_wrap(photograph):
    x = photograph(8, 9).astype("uint8")
    layer = PCAColorJitter(sigma=1.0, seed=2)
    first, second = (numpy(layer(x, training=True)) - x for _ in range(2))
    np.testing.assert_allclose(first, np.broadcast_to(first[0, 0], x.shape), atol=1e-4)
    assert not np.allclose(first, second)
    assert np.abs(first).max() > 20


def test_seed(photograph):
    x = np.stack([photograph(8, 9)] * 2)
    layers = [PCAColorJitter(seed=seed) for seed in (5, 5, 6)]
    first, again, other = (numpy(layer(x, training=True)) for layer in layers)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_within_tf_data(through_tf_data, photograph):
    images = [photograph(*shape) for shape in [(40, 61), (61, 40), (20, 20)] * 20]
    first = through_tf_data(PCAColorJitter(seed=3), images, training=True)
    again = through_tf_data(PCAColorJitter(seed=3), images, training=True)
    colours = []
    for x, one, other in zip(images, first, again, strict=True):
        np.testing.assert_array_equal(one, other)
        colours.append((one - x)[0, 0])
        np.testing.assert_allclose(one - x, np.broadcast_to(colours[-1], x.shape), atol=1e-3)
    assert len(np.unique(colours, axis=0)) == 60
    along = np.array(colours) @ np.transpose(COMPONENTS)
    assert along[:, 0].std() == pytest.approx(12.2, rel=0.35)


def test_wrong_pixels_in_training(photograph):
    x = photograph(8, 9)
    for wrong in (x / 255, x - 128):
        with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
            PCAColorJitter()(wrong, training=True)
    with pytest.raises(ValueError, match="Pixels must be from 0 to 1:"):
        PCAColorJitter(value_range=(0, 1))(x, training=True)
    PCAColorJitter(value_range=(-128, 127))(x - 128, training=True)


def test_wrong_pixels_within_tf_data(through_tf_data, photograph):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match="Pixels must be from 0 to 255"):
        through_tf_data(PCAColorJitter(), [photograph(8, 9) / 255], training=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reading": "variance"}, "must be .deviation. or .eigenvalue.*Received: reading='var"),
        ({"sigma": -0.1}, "`sigma` must be a number, at least 0. Received: sigma=-0.1"),
        ({"value_range": (1, 0)}, r"`value_range` must be a pair.*value_range=\(1, 0\)"),
        ({"value_range": (1, 1)}, r"two ends.*value_range=\(1, 1\)"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PCAColorJitter(**arguments)


def test_needs_three_channels():
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        PCAColorJitter()(np.zeros((4, 5, 1), "float32"))
