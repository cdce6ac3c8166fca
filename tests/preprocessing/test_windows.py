"""What is decoded of a photograph: as much as its first layers ask for, to the same pixels."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import (
    AreaAspectCrop,
    CropAndFlip,
    RescaleShortSide,
    SubtractMean,
    windows,
)

if keras.backend.backend() != "tensorflow":
    pytest.skip("decodes in TensorFlow's graph", allow_module_level=True)

import tensorflow as tf

from keras_classics.datasets import decoding
from keras_classics.datasets.splits import Encoded
from keras_classics.training.inputs import apply, load_image


def content(height, width, seed=0, mode="RGB", form="JPEG", **save):
    """An encoded image, smooth, with edges and some grain."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (9, 11, 3), "uint8"))
    x = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype("float32")
    x[height // 3 :, width // 2 :, 1] = 255
    x = np.clip(x + random.normal(0, 4, x.shape), 0, 255).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(x).convert(mode).save(file, form, **save)
    return file.getvalue()


class Contents(Encoded):
    """A split of encoded images; it counts how many pixels are decoded."""

    def __init__(self, contents, upright=False):
        self.contents, self.upright = contents, upright

    def __len__(self):
        return len(self.contents)

    def _arrays(self):
        return self.contents, np.zeros(len(self), "int32")

    def content(self, record):
        contents, labels = self._tensors
        return contents[record], labels[record]


FORMATS = {
    "plain": {},
    "odd": {"subsampling": 1},
    "full colour": {"subsampling": 0},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "progressive": {"progressive": True},
    "PNG": {"form": "PNG"},
    "WebP": {"form": "WEBP", "lossless": True},
}
CHAINS = {
    "rescaled": lambda: [RescaleShortSide(80)],
    "central": lambda: [RescaleShortSide(80), keras.layers.CenterCrop(80, 80)],
    "cropped": lambda: [RescaleShortSide((70, 150)), CropAndFlip((50, 64))],
    "twice": lambda: [
        RescaleShortSide(80),
        keras.layers.CenterCrop(80, 70, data_format="channels_last"),
        CropAndFlip(32),
        SubtractMean("channel", (1.0, 2.0, 3.0)),
    ],
    "patch": lambda: [AreaAspectCrop((60, 84))],
    "enlarged": lambda: [AreaAspectCrop(64, area=(0.01, 0.05)), CropAndFlip(60)],
}


def both(contents, chain, key, training=True, **arguments):
    """An image as it is read, and as the layers make it of the whole."""
    split = Contents(contents, **arguments)
    for layer in chain:
        layer.dtype_policy = keras.DTypePolicy("float32")

    @tf.function
    def read(record, key):
        whole = decoding.decode(split.content(record)[0], split.upright)
        image, _ = load_image(split, record, chain, key, training)
        return image, apply(chain, whole, key, training)

    return [x.numpy() for x in read(tf.constant(0), tf.constant(key, tf.int64))]


@pytest.mark.parametrize("name", CHAINS)
def test_values_are_those_of_the_whole_image(name):
    for seed, (height, width) in enumerate([(161, 211), (200, 160), (129, 97)]):
        found = []
        for key in range(5):
            image, expected = both([content(height, width, seed)], CHAINS[name](), key)
            np.testing.assert_allclose(image, expected, atol=0.02)
            found.append(image.mean())
        assert len(set(found)) > 1 or name in ("rescaled", "central")


@pytest.mark.parametrize("name", FORMATS)
def test_any_format(name):
    for chain in ("cropped", "patch"):
        for key in (0, 3):
            given = content(163, 131, 5, **FORMATS[name])
            image, expected = both([given], CHAINS[chain](), key)
            np.testing.assert_allclose(image, expected, atol=0.02)


def test_photographs_that_are_turned():
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 6
    turned = content(90, 160, exif=exif)
    image, expected = both([turned], CHAINS["rescaled"](), 0, upright=True)
    np.testing.assert_allclose(image, expected, atol=0.02)
    assert image.shape == (142, 80, 3)
    assert both([turned], CHAINS["rescaled"](), 0)[0].shape == (80, 142, 3)


@pytest.mark.parametrize(("shrink", "times"), [(1.4, 0), (3.1, 1), (6.1, 2), (14.0, 3)])
def test_large_photographs_are_decoded_in_small(shrink, times, monkeypatch):
    """In training; what differs is less than what other ways of antialiasing do."""
    short, asked = round(shrink * 50), []
    real = decoding.open_encoded

    def opened(*given):
        sides, most, pixels = real(*given)

        def spied(box, halvings):
            asked.append(halvings)
            return pixels(box, halvings)

        return sides, most, spied

    monkeypatch.setattr("keras_classics.training.inputs.open_encoded", opened)
    given = Contents([content(short, short + 13, 2)])
    chain = [RescaleShortSide(50), CropAndFlip(40)]

    def read(training):
        asked.clear()
        image, _ = load_image(given, 0, chain, tf.constant(7, tf.int64), training)
        assert len(asked) == 1
        whole = given.decode(0)[0]
        return int(asked[0]), image, apply(chain, whole, tf.constant(7, tf.int64), training)

    used, image, expected = read(True)
    assert used == times
    assert np.abs(image - expected).mean() < (1.2 if times else 1e-3)
    used, image, expected = read(False)
    assert used == 0
    np.testing.assert_allclose(image, expected, atol=0.02)


def test_of_a_jpeg_only_the_box_is_decoded(monkeypatch):
    sizes, real = [], tf.io.decode_and_crop_jpeg

    def spied(*arguments, **named):
        image = real(*arguments, **named)
        sizes.append(tuple(image.shape[:2]))
        return image

    monkeypatch.setattr(tf.io, "decode_and_crop_jpeg", spied)
    load_image(Contents([content(300, 400)]), 0, [AreaAspectCrop(40)], tf.constant(1), False)
    ((height, width),) = sizes
    side = round((0.54 * 300 * 400) ** 0.5)
    assert side <= height <= side + 4
    assert side <= width <= side + 4


def test_layers_that_need_all_pixels():
    for chain in (
        [AreaAspectCrop(40, antialias=False)],
        [RescaleShortSide(40, antialias=False), CropAndFlip(32)],
        [RescaleShortSide(40), CropAndFlip(40, padding=4)],
        [CropAndFlip(40)],
        [],
    ):
        image, expected = both([content(90, 121)], chain, 3)
        np.testing.assert_allclose(image, expected, atol=0.02)
    window, rest = windows.first([CropAndFlip(40)], (90, 121), True)
    assert window is None
    assert len(rest) == 1


def test_a_crop_that_may_not_fit_is_left_to_its_layer():
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least as large as the crop"):
        both([content(90, 121)], [RescaleShortSide(40), CropAndFlip(48)], 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_huge_header_is_refused_in_the_graph(form):
    """Before its pixels are decoded, for which there would be no memory."""
    given = bytearray(content(20, 30, form=form))
    if form == "JPEG":
        at = given.index(b"\xff\xc0") + 5
        given[at : at + 4] = b"\xea\x60\xea\x60"  # 60,000 rows and columns
    else:
        given[16:24] = b"\0\0\xff\xf0\0\0\xff\xf0"
    for chain in CHAINS["patch"](), []:
        with pytest.raises(tf.errors.InvalidArgumentError, match="declares more than 178,956,970"):
            both([bytes(given)], chain, 0)


def test_a_damaged_file():
    given = content(120, 130)
    for damaged in (given[: len(given) // 3], given[:40], b"", b"no image"):
        with pytest.raises(tf.errors.OpError):
            both([damaged], CHAINS["rescaled"](), 0)
