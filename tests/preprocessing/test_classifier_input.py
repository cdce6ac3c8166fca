import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import ClassifierInput

MEAN, STD = (123.68, 116.779, 103.939), (58.4, 57.1, 57.4)


def prepare(images, *arguments, **more):
    return keras.ops.convert_to_numpy(ClassifierInput(*arguments, **more)(images))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("shape", "resize"), [((60, 91), 40), ((91, 60), 40), ((20, 31), (44, 50))]
)
def test_values_are_pillows(photograph, shape, resize, interpolation):
    x = photograph(*shape)
    y = prepare(x, resize, 32, MEAN, STD, interpolation)
    assert y.shape == (32, 32, 3)
    short = min(shape)
    size = resize if isinstance(resize, tuple) else [round(s * resize / short) for s in shape]
    top, left = (size[0] - 32) // 2, (size[1] - 32) // 2
    method = Image.Resampling[interpolation.upper()]
    for c in range(3):
        plane = np.asarray(Image.fromarray(x[..., c]).resize(size[::-1], method))
        plane = (plane[top : top + 32, left : left + 32] - MEAN[c]) / STD[c]
        np.testing.assert_allclose(y[..., c], plane, rtol=1e-4, atol=1e-3)


# Height and width of usual images: of ImageNet, of cameras, and some with a side of odd length.
SIDES = [
    *[(375, 500), (500, 375), (333, 500), (500, 333), (427, 640), (640, 427), (480, 640)],
    *[(256, 343), (343, 256), (224, 224), (256, 256), (300, 400), (225, 300), (183, 275)],
    *[(201, 251), (500, 374), (357, 500), (600, 399), (281, 500), (97, 130)],
]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", SIDES)
def test_torchvisions_sizes_offsets_and_levels(shape, interpolation):
    """As its code says it of images of Pillow: `int(256 * long / short)` and `round`."""
    rng = np.random.default_rng(sum(shape))
    x = rng.integers(0, 256, (*shape, 3), dtype="uint8")  # each edge is sharp
    size = [256 if side == min(shape) else int(256 * side / min(shape)) for side in shape]
    method = Image.Resampling[interpolation.upper()]
    resized = np.asarray(Image.fromarray(x).resize(size[::-1], method))
    top, left = (round((side - 224) / 2.0) for side in size)
    expected = resized[top : top + 224, left : left + 224]
    layer = ClassifierInput(256, 224, 0, 1, interpolation, convention="torchvision")
    y = keras.ops.convert_to_numpy(layer(x[None]))[0]
    np.testing.assert_array_equal(y, expected)


def test_the_conventions_differ():
    x = np.random.default_rng(0).integers(0, 256, (427, 640, 3), dtype="uint8")
    exact, rounded = (
        keras.ops.convert_to_numpy(ClassifierInput(256, 224, convention=convention)(x))
        for convention in ("exact", "torchvision")
    )
    assert np.abs(exact - rounded).max() > 10
    np.testing.assert_array_equal(rounded, np.round(rounded))


def test_the_published_weights_of_torchvision_and_timm_follow_torchvision():
    from keras_classics import weights

    for card in weights.cards():
        if not card.refused and card.channels == 3:
            theirs = card.library in ("torchvision", "timm", "akamaster")
            theirs = theirs or "augreg" in card.name  # which timm has measured
            assert (card.preprocessing().convention == "torchvision") == theirs, card.name


def test_without_antialias_and_whatever_the_proportions(photograph):
    """As the release of ViT does it."""
    tf = pytest.importorskip("tensorflow", reason="compares with tf.image")
    x = photograph(70, 45)
    y = prepare(x, (24, 24), 24, 127.5, 127.5, antialias=False)
    expected = (tf.image.resize(x, (24, 24)).numpy() - 127.5) / 127.5
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_batches_types_and_the_given_images(photograph):
    x = np.stack([photograph(50, 64, seed) for seed in (0, 1)]).clip(0, 255).astype("uint8")
    before = x.copy()
    y = prepare(x, 40, 32, MEAN)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(y, prepare(x.astype("float32"), 40, 32, MEAN), rtol=1e-6)
    np.testing.assert_allclose(y[1], prepare(x[1], 40, 32, MEAN), rtol=1e-4, atol=1e-3)
    assert ClassifierInput(40, 32).compute_output_shape((None, None, None, 3)) == (None, 32, 32, 3)


@pytest.mark.parametrize("scale", [lambda x: x / 255, lambda x: x / 127.5 - 1, lambda x: x - 120])
def test_images_that_were_scaled_before_are_refused(photograph, scale):
    x = scale(photograph(50, 64)[None])
    before = x.copy()
    with pytest.raises(ValueError, match=r"from 0 to 255: multiply by 255 what was divided by it"):
        ClassifierInput(40, 32, MEAN, STD)(x)
    np.testing.assert_array_equal(x, before)


def test_within_tf_data(photograph, through_tf_data):
    images = [photograph(50, 64), photograph(41, 40)]
    for more in ({}, {"convention": "torchvision"}):
        more = {"interpolation": "bicubic", **more}
        layer = ClassifierInput(40, 32, MEAN, **more)
        for y, x in zip(through_tf_data(layer, images), images, strict=True):
            # The second image is of floats, whose sums may be a level off.
            atol = 1.01 if "convention" in more else 1e-3
            np.testing.assert_allclose(y, prepare(x, 40, 32, MEAN, **more), atol=atol)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((30, 32), "hold the crop"), (((40, 30), 32), "hold the crop"), ((0, 0), "whole number")],
)
def test_refuses_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClassifierInput(*arguments)


def test_refuses_interpolations():
    with pytest.raises(ValueError, match=r"interpolation='nearest'"):
        ClassifierInput(40, 32, interpolation="nearest")
    with pytest.raises(ValueError, match=r"convention='keras'"):
        ClassifierInput(40, 32, convention="keras")


@pytest.mark.parametrize("sides", [(60, 90), (91, 61), (30, 40), (36, 36)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("arguments", [{}, {"convention": "torchvision"}, {"antialias": False}])
def test_of_array(sides, interpolation, arguments):
    layer = ClassifierInput(36, 32, 123.0, [50.0, 60.0, 70.0], interpolation, **arguments)
    image = np.random.default_rng(0).integers(0, 256, (*sides, 3)).astype("uint8")
    expected = keras.ops.convert_to_numpy(layer(image))
    found = layer.of_array(image)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_mean_of_each_pixel(photograph):
    mean = np.random.default_rng(3).uniform(90, 150, (24, 24, 3))
    layer = ClassifierInput(30, 24, mean=mean, std=2.0)
    x = photograph(70, 45)
    plain = prepare(x, 30, 24)
    np.testing.assert_allclose(prepare(x, 30, 24, mean, 2.0), (plain - mean) / 2, atol=1e-3)
    np.testing.assert_allclose(layer.of_array(x.astype("uint8")), (plain - mean) / 2, atol=0.6)
    again = ClassifierInput.from_config(layer.get_config())
    np.testing.assert_array_equal(again.mean, mean)
    with pytest.raises(ValueError, match=r"shape \(20, 20, channels\). Received: \(24, 24, 3\)"):
        ClassifierInput(30, 20, mean=mean)
    with pytest.raises(ValueError, match="`mean` must be a number, one for each channel, or an"):
        ClassifierInput(30, 24, mean=np.full((24, 24, 3), np.nan))
