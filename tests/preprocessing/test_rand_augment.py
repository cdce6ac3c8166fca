import math
from collections import Counter

import keras
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from keras_classics.preprocessing import RandAugment
from keras_classics.preprocessing.rand_augment import AUGREG, DEIT, NAMES, PAPER
from keras_classics.training.inputs import apply

COLOURS = "autocontrast equalize solarize posterize contrast brightness invert solarize_add".split()
COLOURS += ["color", "sharpness"]
PLANE = ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"]


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(params=["batch", "one by one"])
def do(request):
    """A function to what the operations of these names make of images, in this order."""

    def run(images, *names, f=0.9, sign=1.0, center=(0.5, 0.5), **arguments):
        layer = RandAugment(len(names), **arguments)
        operation = np.array([[NAMES.index(name)] * len(images) for name in names], "int32")
        numbers = (np.full(operation.shape, value, "float32") for value in (f, sign, *center))
        given = [operation, *numbers]
        if request.param == "batch":
            return numpy(layer.augment(*map(keras.ops.convert_to_tensor, (images, *given))))
        alone = [layer.augment_one(x, *(numbers[:, 0] for numbers in given)) for x in images]
        assert {one.dtype for one in alone} == {np.dtype("float32")}
        return np.stack(alone)

    return run


def pillow(image, name, f=0.9, sign=1.0, increasing=False):
    """The same of one image, of operations on colours."""
    image = Image.fromarray(image.astype("uint8"))
    strength = max(0.1, 1 + 0.9 * f * sign) if increasing else 0.1 + 1.8 * f
    bits, threshold = int(4 * f), int(256 * f)
    if increasing:
        bits, threshold = 4 - bits, max(256 - threshold, 0)
    added = [min(v + int(110 * f), 255) if v < 128 else v for v in range(256)]
    operations = {
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "invert": lambda: ImageOps.invert(image),
        "solarize": lambda: ImageOps.solarize(image, threshold),
        "solarize_add": lambda: image.point(added * 3),
        "posterize": lambda: ImageOps.posterize(image, max(bits, 1)),
        "color": lambda: ImageEnhance.Color(image).enhance(strength),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(strength),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(strength),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(strength),
    }
    return np.asarray(operations[name]()).astype("float32")


def source(name, u, v, height, width, f=0.9, sign=1.0):
    """Where Pillow's transform of this name finds the pixel at `(u, v)`: columns, rows from
    the image's upper left corner."""
    amount = sign * f
    if name == "rotate":
        turn = -math.radians(30 * amount)
        x, y = u - width / 2, v - height / 2
        u = math.cos(turn) * x + math.sin(turn) * y + width / 2
        v = -math.sin(turn) * x + math.cos(turn) * y + height / 2
    elif name == "shear_x":
        u = u + 0.3 * amount * v
    elif name == "shear_y":
        v = v + 0.3 * amount * u
    elif name == "translate_x":
        u = u + 0.45 * amount * width
    elif name == "translate_y":
        v = v + 0.45 * amount * height
    return u, v


def moved(image, *names, **arguments):
    """The operations of these names on the plane, pixel by pixel."""
    height, width, channels = image.shape
    framed = np.full((height + 2, width + 2, channels), 128.0)
    framed[1:-1, 1:-1] = image
    result = np.full(image.shape, 128.0)
    for row in range(height):
        for column in range(width):
            u, v = column + 0.5, row + 0.5
            for name in reversed(names):  # the pixel's way back, through the last one first
                u, v = source(name, u, v, height, width, **arguments)
            i, j = math.floor(v + 0.5), math.floor(u + 0.5)  # within the frame
            if 0 <= i <= height and 0 <= j <= width:
                a, b = v + 0.5 - i, u + 0.5 - j
                upper = (1 - b) * framed[i, j] + b * framed[i, j + 1]
                lower = (1 - b) * framed[i + 1, j] + b * framed[i + 1, j + 1]
                result[row, column] = (1 - a) * upper + a * lower
    return result


@pytest.fixture
def pictures(photograph):
    """Three photographs of whole grey levels, each channel with a range of its own."""
    x = np.stack([photograph(23, 37, seed) for seed in range(3)])
    return np.floor(x * [0.6, 0.8, 0.5] + [20, 40, 90]).astype("float32")


def check_levels(y, expected, share=0.02):
    """Whole grey levels; where a real number falls on one, rounding may take the next."""
    np.testing.assert_array_equal(y, np.round(y))
    assert np.abs(y - expected).max() <= 1
    assert (y != expected).mean() <= share


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize(
    ("f", "sign", "increasing"),
    [
        (0.3, 1, False),
        (0.9, -1, False),
        (1.5, 1, False),
        (0.37, -1, True),
        (0.9, 1, True),
        (1.3, -1, True),
    ],
)
def test_colours_are_pillows(do, name, f, sign, increasing, pictures):
    arguments = {"f": f, "sign": sign, "increasing": increasing}
    y = do(pictures, name, **arguments)
    for image, one in zip(pictures, y, strict=True):
        check_levels(one, pillow(image, name, **arguments))
    assert np.abs(y - pictures).mean() > 0.2 or (name, f) == ("solarize", 1.5)


def test_solarize_by_the_level(do, pictures):
    assert (do(pictures, "solarize", f=1.5) == pictures).all()
    assert (do(pictures, "solarize", f=0.5) != pictures).mean() > 0.3
    assert (do(pictures, "solarize", f=0.0) == 255 - pictures).all()


@pytest.mark.parametrize("name", ["autocontrast", "equalize", "contrast"])
def test_an_image_of_one_value(do, name):
    x = np.full((3, 23, 37, 3), 77, "float32")
    np.testing.assert_array_equal(do(x, name), x)


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize(("f", "sign"), [(0.9, 1), (0.5, -1)])
def test_transforms_are_those_of_a_loop_over_pixels(do, name, f, sign, pictures):
    y = do(pictures[:1], name, f=f, sign=sign)[0]
    np.testing.assert_allclose(y, moved(pictures[0], name, f=f, sign=sign), atol=0.05)


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize("sign", [1, -1])
def test_transforms_are_pillows(do, name, sign, photograph):
    x = np.round(photograph(43, 61))
    height, width, _ = x.shape
    amount = 0.6 * sign
    affine = {
        "shear_x": (1, 0.3 * amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, 0.3 * amount, 1, 0),
        "translate_x": (1, 0, 0.45 * amount * width, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, 0.45 * amount * height),
    }

    def transform(plane):
        plane = Image.fromarray(np.ascontiguousarray(plane))
        arguments = {"resample": Image.Resampling.BILINEAR, "fillcolor": 128}
        if name == "rotate":
            return np.asarray(plane.rotate(30 * amount, **arguments))
        return np.asarray(plane.transform(plane.size, Image.AFFINE, affine[name], **arguments))

    expected = np.stack([transform(x[..., c]) for c in range(3)], axis=-1)
    y = do(x[None], name, f=0.6, sign=sign)[0]
    outside = transform(np.zeros((height, width), "float32")) == 128
    # At the image's rim Pillow repeats its pixels, and does not blend them with grey.
    near = np.pad(outside, 1, mode="edge")
    near = sum(near[i : i + height, j : j + width] for i in range(3) for j in range(3)) > 0
    rim = np.ones((height, width), bool)
    rim[2:-2, 2:-2] = False
    inside = ~(near | rim)
    assert inside.mean() > 0.4
    np.testing.assert_allclose(y[inside], expected[inside], atol=0.2)
    grey = np.all(y == 128, axis=-1)
    assert grey[outside].mean() > 0.8
    assert not grey[inside].any()


def test_cutout(do, pictures):
    y = do(pictures, "cutout", f=1.0, center=(0.1, 0.7))
    expected = pictures.copy()
    top, left = math.floor(0.1 * 23), math.floor(0.7 * 37)
    half = math.floor(0.18 * 23), math.floor(0.18 * 37)
    expected[:, max(top - half[0], 0) : top + half[0], left - half[1] : left + half[1]] = 128
    np.testing.assert_array_equal(y, expected)


def test_colours_one_after_the_other(do, pictures):
    names = ["posterize", "contrast", "equalize", "solarize_add", "autocontrast", "brightness"]
    for drawn in (names, names[::-1], names[1:] + names[:1]):
        y = do(pictures, *drawn, f=0.7)
        for image, one in zip(pictures, y, strict=True):
            for name in drawn:
                image = pillow(image, name, f=0.7)
            # A level of one step can become several of the next ones.
            assert np.abs(one - image).mean() < 1
            assert (one != image).mean() < 0.3


def test_order_of_colours_matters(do, pictures):
    one = do(pictures, "solarize", "brightness", f=0.3)
    other = do(pictures, "brightness", "solarize", f=0.3)
    assert np.abs(one - other).mean() > 10
    check_levels(one[0], pillow(pillow(pictures[0], "solarize", f=0.3), "brightness", f=0.3))
    check_levels(other[0], pillow(pillow(pictures[0], "brightness", f=0.3), "solarize", f=0.3))


@pytest.mark.parametrize(
    "drawn",
    [("rotate", "shear_x"), ("shear_x", "rotate"), ("translate_y", "shear_x", "rotate")],
)
def test_transforms_are_composed_in_their_order(do, drawn, pictures):
    y = do(pictures[:1], *drawn, f=0.5)[0]
    np.testing.assert_allclose(y, moved(pictures[0], *drawn, f=0.5), atol=0.1)
    assert np.abs(y - do(pictures[:1], *drawn[::-1], f=0.5)[0]).mean() > 3


def test_what_one_transform_moves_out_the_next_brings_back(pictures):
    def translate(signs):
        layer = RandAugment()
        x, sign = keras.ops.convert_to_tensor(pictures[:1]), np.array(signs, "float32")[:, None]
        operation = np.full((2, 1), NAMES.index("translate_x"), "int32")
        given = [operation, 0 * sign + 0.8, sign, 0 * sign, 0 * sign]
        return numpy(layer.augment(x, *map(keras.ops.convert_to_tensor, given)))

    np.testing.assert_allclose(translate([1, -1]), pictures[:1], atol=0.01)
    assert (translate([1, 1])[..., 12:, :] == 128).mean() > 0.9


def test_kinds_come_in_a_fixed_order(do, pictures):
    for drawn in [("rotate", "sharpness", "equalize", "color"), ("color", "rotate", "sharpness")]:
        expected = pictures
        for name in sorted(drawn, key=["equalize", "color", "sharpness", "rotate"].index):
            expected = do(expected, name)
        np.testing.assert_allclose(do(pictures, *drawn), expected, atol=1e-3)


def test_two_blends_are_one_of_their_product(do, pictures):
    for name in ("color", "sharpness"):
        twice = do(pictures, name, name, f=0.3)  # 0.64 * 0.64
        np.testing.assert_array_equal(twice, do(pictures, name, f=(0.64**2 - 0.1) / 1.8))


def test_each_image_of_a_batch_has_its_own(pictures):
    names = [("rotate", "color", "sharpness"), ("equalize", "cutout", "identity")]
    operation = np.array([[NAMES.index(name) for name in row] for row in names], "int32")
    f = np.array([[0.2, 0.5, 0.9], [0.4, 1.1, 0.7]], "float32")
    center = np.array([[0.1, 0.9, 0.5], [0.6, 0.3, 0.2]], "float32")
    given = [pictures, operation, f, np.sign(f - 0.6), center, center[::-1].copy()]
    layer = RandAugment()

    def run(part):
        arrays = [x[part] if i == 0 else x[:, part] for i, x in enumerate(given)]
        return numpy(layer.augment(*(keras.ops.convert_to_tensor(x) for x in arrays)))

    y = run(slice(None))
    for i in range(3):
        np.testing.assert_allclose(run(slice(i, i + 1))[0], y[i], atol=1e-3)
        assert np.abs(y[i] - pictures[i]).mean() > 0.5


def drawn(n=8000, **arguments):
    """For `n` images: names, levels, signs and centers, each `(num_layers, n)`."""
    images = keras.KerasTensor((n, 4, 5, 3))  # only its shape is asked for
    operation, f, *rest = RandAugment(seed=1, **arguments).draw(images)
    return np.array(NAMES)[numpy(operation)], numpy(f) * 10, *(numpy(x) for x in rest)


@pytest.mark.parametrize("operations", [PAPER, AUGREG, DEIT])
def test_operations_are_drawn_as_often_as_they_are_named(operations):
    names, _, sign, *_ = drawn(num_layers=3, operations=operations)
    for layer in range(3):
        counts = Counter(names[layer].tolist())
        for name, times in Counter(operations).items():
            p = times / len(operations)
            assert abs(counts[name] / 8000 - p) < 4.5 * np.sqrt(p * (1 - p) / 8000)
        assert set(counts) == set(operations)
    assert set(sign.flat) == {-1, 1}
    assert abs(sign.mean()) < 4 / np.sqrt(sign.size)
    for name in set(operations):
        assert abs((names[1][names[0] == name] == name).mean() - np.mean(names[1] == name)) < 0.08
        assert abs(sign[names == name].mean()) < 0.2


def test_the_lists():
    assert len(PAPER) == len(set(PAPER)) == 14
    assert len(AUGREG) == len(set(AUGREG)) == 16
    assert len(DEIT) == 30
    assert DEIT.count("identity") == 15
    assert set(NAMES) == set(PAPER) | set(AUGREG) | set(DEIT)
    assert set(COLOURS) | set(PLANE) | {"identity", "cutout"} == set(NAMES)


def test_levels():
    _, level, *_ = drawn(magnitude=7)
    np.testing.assert_allclose(level, 7)
    _, level, *_ = drawn(magnitude=6, magnitude_std=0.5)
    assert level.mean() == pytest.approx(6, abs=0.02)
    assert level.std() == pytest.approx(0.5, rel=0.03)
    assert (np.abs(level - 6) < 0.5).mean() == pytest.approx(0.6827, abs=0.015)
    assert abs(np.corrcoef(level)[0, 1]) < 0.05
    _, level, *_ = drawn(magnitude=9, magnitude_std=6.0)
    assert (level.min(), level.max()) == pytest.approx((0, 10))
    assert (level == level.max()).mean() == pytest.approx(0.434, abs=0.02)
    _, level, *_ = drawn(magnitude=15, magnitude_std=6.0)
    assert (level.min(), level.max()) == pytest.approx((0, 15))


def test_centers_are_even():
    names, _, _, y, x = drawn(operations=("cutout", "identity"))
    for number in (y, x, y[names == "cutout"]):
        assert number.min() >= 0
        assert number.max() < 1
        quarters = np.histogram(number, 4, (0, 1))[0] / number.size
        np.testing.assert_allclose(quarters, 0.25, atol=0.02)
    assert abs(np.corrcoef(y.ravel(), x.ravel())[0, 1]) < 0.04


def test_nothing_changes_otherwise_or_by_identity(photograph):
    x = photograph(8, 9)
    np.testing.assert_array_equal(numpy(RandAugment()(x)), x)
    bytes_ = x.astype("uint8")
    y = RandAugment(operations=["identity"])(bytes_, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    np.testing.assert_array_equal(numpy(y), bytes_)


def test_pixels_are_rounded_in_training(photograph):
    x = photograph(8, 9)
    y = numpy(RandAugment(operations=["identity"])(x, training=True))
    np.testing.assert_array_equal(y, np.round(x))
    x[0, 0] = 255.9  # what the resize of another library may leave
    y = numpy(RandAugment(1, operations=["invert"])(x, training=True))
    np.testing.assert_array_equal(y, 255 - np.clip(np.round(x), 0, 255))


def test_one_image_is_changed_as_in_a_batch(photograph):
    layer, size = RandAugment(3, 9, 2.0, operations=(*NAMES[1:], *NAMES[1:3])), 60
    images = np.stack([np.round(photograph(31, 44, seed)) for seed in range(size)])
    given = [numpy(x) for x in layer.draw(images)]
    together = numpy(layer.augment(*map(keras.ops.convert_to_tensor, (images, *given))))
    for i, expected in enumerate(together):
        one = layer.augment_one(images[i], *(x[:, i] for x in given))
        # A sum that falls between two levels may be rounded to either.
        assert np.abs(one - expected).mean() < 0.02


def test_call_does_what_draw_says(pictures):
    arguments = {"operations": DEIT, "magnitude_std": 0.5, "increasing": True, "seed": 3}
    given = RandAugment(**arguments).draw(pictures)
    expected = RandAugment(**arguments).augment(keras.ops.convert_to_tensor(pictures), *given)
    y = RandAugment(**arguments)(pictures.astype("uint8"), training=True)
    np.testing.assert_array_equal(numpy(y), numpy(expected))


def test_seed(pictures):
    layers = [RandAugment(seed=seed) for seed in (5, 5, 6)]
    first, again, other = (numpy(layer(pictures, training=True)) for layer in layers)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, numpy(layers[0](pictures, training=True)))


def test_random_numbers_follow_from_the_key_of_an_image(pictures):
    layer = RandAugment(seed=1)
    x = keras.ops.convert_to_tensor(pictures[0])
    results = [numpy(apply([layer], x, key, True)) for key in (*range(6), 0)]
    np.testing.assert_array_equal(results[0], results[-1])
    assert len(np.unique(np.round(results, 2), axis=0)) > 3


def test_within_tf_data(through_tf_data, photograph):
    images = [photograph(*shape).astype("uint8") for shape in [(40, 61), (61, 40), (20, 20)] * 7]
    arguments = {"operations": AUGREG, "magnitude": 5, "magnitude_std": 1.0, "seed": 3}
    first = through_tf_data(RandAugment(**arguments), images, training=True)
    layer = RandAugment(**arguments)
    changed = []
    for x, y in zip(images, first, strict=True):
        assert y.shape == x.shape
        np.testing.assert_allclose(y, numpy(layer(x, training=True)), atol=1e-3)
        changed.append(np.abs(y - x).max() > 0)
    assert np.mean(changed) > 0.8


def test_batches_within_tf_data(through_tf_data, photograph):
    images = [photograph(20, 31, seed) for seed in range(6)]
    first = through_tf_data(RandAugment(seed=3), images, batch=4, training=True)
    layer = RandAugment(seed=3)
    for x, y in zip((images[:4], images[4:]), first, strict=True):
        np.testing.assert_allclose(y, numpy(layer(np.stack(x), training=True)), atol=1e-3)


def test_wrong_pixels(photograph, through_tf_data):
    import tensorflow as tf

    with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
        RandAugment()(photograph(8, 9) / 255, training=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Pixels must be from 0 to 255"):
        through_tf_data(RandAugment(), [photograph(8, 9) / 255], training=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_layers": 0}, "`num_layers` must be a whole.*Received: num_layers=0"),
        ({"magnitude": -1}, "`magnitude` must be a number, at least 0.*magnitude=-1"),
        ({"magnitude_std": -0.5}, "at least 0.*magnitude_std=-0.5"),
        ({"operations": ("rotate", "spin")}, '"identity", .*Received.*spin'),
        ({"operations": ()}, r"`operations` must be one or more.*operations=\(\)"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandAugment(**arguments)


def test_needs_three_channels():
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        RandAugment()(np.zeros((4, 5, 1), "float32"))


@pytest.fixture
def keras_cv():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("keras_cv draws with TensorFlow")
    return pytest.importorskip("keras_cv")


def test_colours_are_those_of_keras_cv(do, keras_cv, pictures):
    """It does not round what it blends; its factor is how much of the other image comes in."""
    layers, constant = keras_cv.layers, keras_cv.core.ConstantFactorSampler
    s = 0.1 + 1.8 * 0.3
    for name, other, near in [
        ("solarize", layers.Solarization((0, 255), threshold_factor=constant(76.0)), 0),
        ("posterize", layers.Posterization((0, 255), bits=1), 0),
        ("autocontrast", layers.AutoContrast((0, 255)), 1),
        ("equalize", layers.Equalization((0, 255)), 0),
        ("color", layers.RandomColorDegeneration(constant(1 - s)), 2),
        ("sharpness", layers.RandomSharpness(constant(1 - s), (0, 255)), 2),
    ]:
        y, z = do(pictures, name, f=0.3), numpy(other(pictures))
        assert np.abs(y - pictures).mean() > 0.2
        if name == "equalize":  # it looks for the rarest value where Pillow takes the highest
            y, z = y[..., ::2], z[..., ::2]  # green has many pixels of its highest
        np.testing.assert_allclose(y, z, atol=near + 1e-3, err_msg=name)


def test_translations_are_those_of_keras_cv(do, keras_cv, pictures):
    for name, amounts in [("translate_y", (0.27, 0)), ("translate_x", (0, 0.27))]:
        ranges = [(amount, amount) for amount in amounts]
        other = keras_cv.layers.RandomTranslation(*ranges, fill_mode="constant", fill_value=128.0)
        y = do(pictures, name, f=0.6, sign=-1)
        np.testing.assert_allclose(y, numpy(other(pictures, training=True)), atol=0.05)


def test_shears_are_as_strong_as_those_of_keras_cv(do, keras_cv, photograph):
    """It shears about the middle of the first pixel: the image moves by half a row's shear."""
    x = np.stack([photograph(23, 37)] * 16)
    layers, constant = keras_cv.layers, keras_cv.core.ConstantFactorSampler
    other = layers.RandomShear(constant(0.18), fill_mode="constant", fill_value=128.0, seed=1)
    other = numpy(other(x, training=True))
    left, right = (do(x[:1], "shear_x", f=0.6, sign=sign)[0] for sign in (1, -1))
    distances = np.array([[np.abs(y - z).mean() for z in (left, right)] for y in other])
    assert np.abs(left - right).mean() > 25
    assert distances.min(axis=1).max() < 6
    assert set(distances.argmin(axis=1)) == {0, 1}  # both signs
