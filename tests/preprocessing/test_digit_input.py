"""The layer against Pillow and NumPy, which read the files of a recipe of digits."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from keras_classics.preprocessing import DigitInput, normalize_digit, read_ink
from keras_classics.preprocessing.pixels import as_batch

NETWORKS = [(20, 32, -0.1, 1.175), (16, 28, -1.0, 1.0), (16, 16, -1.0, 1.0)]
# Strokes of an asymmetric 4, of a wide and of a high figure, and of a ring, whose centre of mass
# is that of its box: at the edge or the middle of a pixel.
FOUR = [(0.55, 0.2), (0.3, 0.6), (0.75, 0.6), (0.6, 0.45), (0.6, 0.8)]
WIDE, HIGH, RING = [(0.1, 0.4), (0.8, 0.5)], [(0.5, 0.1), (0.55, 0.9)], None


def drawn(height, width, strokes=FOUR, ink=20, background=230):
    image = Image.new("L", (width, height), background)
    draw, wide = ImageDraw.Draw(image), max(2, min(height, width) // 10)
    if strokes is RING:
        side = min(height, width)
        draw.ellipse([side // 4, side // 4, side - side // 5, side - side // 5], None, ink, wide)
        ring = np.asarray(image).astype("int32")
        down, across = (slice(side // 4, side - side // 5 + 1) for _ in range(2))
        ring[down, across] += ring[down, across][::-1] + ring[down, across][:, ::-1]
        ring[down, across] += ring[down, across].T
        image = Image.fromarray((ring * 0.16).clip(0, 255).astype("uint8"))
    else:
        draw.line([(x * width, y * height) for x, y in strokes], ink, wide)
    return np.asarray(image)


def photographed(*arguments, **more):
    """With soft strokes, noise, and paper that is not lit evenly."""
    x = drawn(*arguments, **more)
    x = np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(1.5)), "float32")
    v, u = np.mgrid[: x.shape[0], : x.shape[1]]
    x = x * (0.8 + 0.1 * np.sin(3 * u / x.shape[1]) + 0.1 * np.cos(2 * v / x.shape[0]))
    return (x + np.random.default_rng(0).normal(0, 4, x.shape)).clip(0, 255).astype("uint8")


def through(layer, images):
    return keras.ops.convert_to_numpy(layer(images))


def as_a_file(path, image, box, plane, paper, ink):
    """What a recipe makes of a file."""
    Image.fromarray(image).save(path)
    return paper + (ink - paper) * normalize_digit(read_ink(path), box, plane)[..., None]


@pytest.mark.parametrize("network", NETWORKS)
def test_as_a_recipe_reads_a_file(network, tmp_path):
    layer = DigitInput(*network)
    images = [
        *(drawn(61, 40, strokes) for strokes in (FOUR, WIDE, HIGH, RING)),
        *(drawn(52, 52, strokes, ink=250, background=30) for strokes in (FOUR, RING)),
        photographed(120, 90),
        photographed(120, 90, ink=240, background=20),
    ]
    for image in images:
        expected = as_a_file(tmp_path / "digit.png", image, *network)
        found = through(layer, image[None, ..., None])
        np.testing.assert_allclose(found, expected[None], atol=1e-5)
        np.testing.assert_allclose(layer.of_array(image[..., None]), expected, atol=1e-6)


@pytest.mark.parametrize("centre", ["mass", "mnist", "box"])
@pytest.mark.parametrize("plane", [16, 17, 28])
def test_centres(centre, plane):
    layer = DigitInput(16, plane, centre=centre)
    images = np.stack([drawn(61, 40, strokes) for strokes in (FOUR, WIDE, HIGH)])[..., None]
    foot = np.full((61, 40, 1), 230, "uint8")
    foot[5:50, 10:12] = foot[40:50, 5:35] = 20  # heavy, so that an edge stops it
    images = np.concatenate([images, foot[None], foot[None, ::-1]])
    expected = [layer.of_array(image) for image in images]
    np.testing.assert_allclose(through(layer, images), expected, atol=1e-5)


def test_each_digit_of_a_batch_has_its_own_box():
    images = [drawn(64, 48, strokes, ink) for strokes in (FOUR, WIDE, HIGH) for ink in (0, 90)]
    images = np.stack([*images, 255 - drawn(64, 48)])[..., None]
    before, layer = images.copy(), DigitInput(16, 28)
    found = through(layer, images)
    np.testing.assert_array_equal(images, before)
    assert found.shape == (7, 28, 28, 1)
    expected = np.stack([layer.of_array(image) for image in images])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(through(layer, images[2]), expected[2], atol=1e-5)
    for kind in ("float32", "int32"):
        np.testing.assert_allclose(through(layer, images.astype(kind)), found, atol=1e-6)


@pytest.mark.parametrize(
    ("height", "width"), [(10, 3), (40, 1), (1, 40), (16, 13), (32, 5), (9, 2)]
)
def test_halves_are_rounded_to_the_even_number(height, width):
    """Bars, some of whose shorter sides become a number and a half."""
    image = np.full((60, 50, 1), 255, "uint8")
    image[4 : 4 + height, 7 : 7 + width] = 0
    for network in NETWORKS:
        layer = DigitInput(*network)
        found = through(layer, image)
        np.testing.assert_allclose(found, layer.of_array(image), atol=1e-5)
        sides = [len(np.unique(k)) for k in np.nonzero(found[..., 0] > np.mean(network[2:]))]
        assert sides == [
            max(1, round(s * network[0] / max(height, width))) for s in (height, width)
        ]


def test_a_digit_may_touch_the_edge():
    image = np.zeros((16, 16, 1), "uint8")
    image[:, 6:10] = 255
    image[0, :9] = 200
    layer = DigitInput(16, 16, -1.0, 1.0)
    np.testing.assert_allclose(through(layer, image), layer.of_array(image), atol=1e-5)
    assert (layer.of_array(image) > 0).sum() == 16 * 4 + 6


@pytest.mark.parametrize("difference", [0, 15])
def test_an_image_without_a_digit(difference):
    flat = np.full((2, 9, 8, 1), 120, "uint8")
    flat[:, 4, 4] += difference
    flat[1, 5, 5] = 200  # one image of a batch is enough
    for call in (DigitInput(), lambda x: DigitInput().of_array(x[0])):
        with pytest.raises(ValueError, match="shows no digit: all of it has nearly one grey level"):
            call(flat)


def test_where_values_cannot_be_checked_it_is_an_empty_plane():
    layer = DigitInput(20, 32, -0.1, 1.175)
    images = np.stack([np.full((40, 44), 120, "uint8"), drawn(40, 44)])[..., None]
    images[0, 9:30, 20] += 15
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        call = tf.function(layer, jit_compile=True)
    elif keras.backend.backend() == "jax":
        import jax

        call = jax.jit(layer)
    else:
        pytest.skip("XLA compiles with TensorFlow and JAX")
    found = keras.ops.convert_to_numpy(call(images))
    np.testing.assert_array_equal(found[0], np.full((32, 32, 1), -0.1, "float32"))
    np.testing.assert_allclose(found[1], layer.of_array(images[1]), atol=1e-5)


@pytest.mark.parametrize("scale", [lambda x: x / 255, lambda x: x / 127.5 - 1, lambda x: 2 * x])
def test_images_of_other_ranges_are_refused(scale):
    image = scale(drawn(30, 30)[..., None].astype("float32"))
    for call in (DigitInput(), DigitInput().of_array):
        with pytest.raises(ValueError, match=r"0 to 255|nearly one grey level"):
            call(image)


def test_within_tf_data(through_tf_data):
    layer = DigitInput(20, 28)
    images = [drawn(*sides)[..., None] for sides in ((50, 64), (41, 40))]
    for found, image in zip(through_tf_data(layer, images), images, strict=True):
        np.testing.assert_allclose(found, layer.of_array(image), atol=1e-5)
    images = [photographed(50, 40, strokes)[..., None] for strokes in (FOUR, WIDE, HIGH)]
    (found,) = through_tf_data(layer, images, batch=3)
    np.testing.assert_allclose(found, [layer.of_array(image) for image in images], atol=1e-5)


def test_three_channels_are_refused():
    with pytest.raises(ValueError, match="axis -1"):
        DigitInput()(np.zeros((2, 30, 30, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"box": 20, "plane": 16}, "must fit into the plane. Received: box=20 and plane=16"),
        ({"paper": 1, "ink": 1.0}, "`paper` and `ink` must differ. Received: paper=1"),
        ({"box": 0}, "`box` must be"),
    ],
)
def test_refuses_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DigitInput(**arguments)


def test_grey_is_pillows():
    rgb = np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8")
    grey = np.asarray(Image.fromarray(rgb).convert("L"))[None, ..., None]
    found = as_batch(rgb, 1)
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, grey)
    np.testing.assert_allclose(as_batch(rgb.astype("float32"), 1), grey, atol=0.51)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((7, 9), (1, 7, 9, 1)),
        ((7, 9, 1), (1, 7, 9, 1)),
        ((7, 9, 3), (1, 7, 9, 1)),
        ((4, 7, 9), (4, 7, 9, 1)),
        ((4, 7, 9, 1), (4, 7, 9, 1)),
        ((4, 7, 9, 3), (4, 7, 9, 1)),
        ((4, 7, 9, 4), (4, 7, 9, 4)),
        ((7, 9, 4), (1, 7, 9, 4)),  # RGBA is refused later, and is no batch of narrow images
        ((7,), (7,)),
    ],
)
def test_batches_of_grey(given, expected):
    assert as_batch(np.zeros(given, "uint8"), 1).shape == expected
