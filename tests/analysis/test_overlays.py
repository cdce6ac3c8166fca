"""Maps over images; the looks are for the eye."""

import keras
import numpy as np
import pytest

import keras_classics as kc
from keras_classics.analysis import overlay

matplotlib = pytest.importorskip("matplotlib", reason="needs matplotlib: the extra 'plots'")
rng = np.random.default_rng(0)


def shown(figure):
    """The arrays of a figure's pictures, in the order of drawing."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("signed", [False, True])
def test_colours_cover_pale_grey_as_the_map_is_large(signed):
    """Places of 5 pixels, whose centre is a pixel; between two, the mean weighted by place."""
    images = rng.uniform(-1, 1, (2, 10, 15, 3))
    images[0, 0, 0], images[0, 9, 9] = -1, 1
    maps = rng.uniform(-1 if signed else 0.1, 1, (2, 2, 3)).astype("float32")
    figure = overlay(images, maps, ["cat", "dog"], "a title")
    *found, bar = shown(figure)
    assert len(found) == 4
    np.testing.assert_allclose(found[0], (images[0] + 1) / 2, atol=1e-6)
    grey = 0.35 + 0.65 * found[0].mean(axis=-1)
    values = maps[0] / abs(maps[0]).max()
    colours = matplotlib.colormaps["RdBu_r" if signed else "YlOrRd"]
    for value, (x, y) in [
        *((values[place], (5 * place[0] + 2, 5 * place[1] + 2)) for place in np.ndindex(2, 3)),
        (0.6 * values[1, 1] + 0.4 * values[1, 2], (7, 9)),
    ]:
        cover = 0.85 * abs(value)
        tint = np.array(colours((value + 1) / 2 if signed else value)[:3])
        expected = (1 - cover) * grey[x, y] + cover * tint
        np.testing.assert_allclose(found[1][x, y], expected, atol=0.02)
    assert {"cat", "dog", "a title", "largest", "0"} <= set(texts(figure))
    assert ("-largest" in texts(figure)) == signed
    assert len(bar) == 200


def test_images_of_several_sizes_and_maps_of_channels():
    images = [rng.uniform(0, 1, (20, 10, 3)), rng.uniform(0, 1, (8, 12, 1))]
    shares = [rng.normal(size=(20, 10, 3)), rng.normal(size=(8, 12, 1))]
    found = shown(overlay(images, shares))
    assert [each.shape for each in found[:4]] == [(20, 10, 3)] * 2 + [(8, 12, 3)] * 2
    summed = shown(overlay(images, [each.sum(axis=-1) for each in shares]))
    for each, other in zip(found, summed, strict=True):
        np.testing.assert_allclose(each, other, atol=1e-6)


def test_a_map_of_zeros_is_the_image_in_grey():
    found = shown(overlay(np.ones((1, 4, 4, 1)) * np.arange(4)[:, None], np.zeros((1, 2, 2))))
    assert np.isfinite(found[1]).all()
    np.testing.assert_allclose(found[1][0, :, 0], [0.35, 0.35 + 0.65 / 3, 0.35 + 1.3 / 3, 1])


@pytest.mark.parametrize("captions", [None, ["one"]])
def test_other_lengths_are_refused(captions):
    images = np.zeros((2, 4, 4, 3))
    with pytest.raises(ValueError, match="equally long. Received: 2, [13] and [12]"):
        overlay(images, np.zeros((3 if captions is None else 1, 2, 2)), captions)


def test_a_notebook_shows_a_figure():
    """Jupyter asks for `_repr_png_`; a figure that pyplot did not make would be a line of text."""
    content = overlay(np.ones((1, 4, 4, 3)), np.ones((1, 2, 2)))._repr_png_()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 2000


def test_the_part_of_a_photograph_that_is_seen(tmp_path):
    """A photograph of two colours, from an array and from a file: only the middle is seen."""
    from PIL import Image

    photograph = np.zeros((300, 450, 3), "uint8")
    photograph[30:270, 105:345] = [200, 100, 50]
    network = kc.applications.ResNetCIFAR(8, classes=2)
    layer = kc.preprocessing.ClassifierInput(resize=40, crop=32)
    model = kc.Classifier(network, layer, [("c", "cat"), ("d", "dog")])
    Image.fromarray(photograph).save(tmp_path / "photograph.png")
    for given in (photograph, str(tmp_path / "photograph.png")):
        (part,) = model.seen(given)
        assert part.shape == (240, 240, 3)  # 32 of 40 and of 60 pixels
        np.testing.assert_array_equal(part, photograph[30:270, 105:345])
    # What stands for it in the network's input: the same colours, to the border of the resizing.
    np.testing.assert_allclose(model.prepare(photograph)[0, 2:-2, 2:-2], part[:28, :28], atol=1.5)
    maps = kc.analysis.grad_cam(model, photograph[None])
    assert shown(overlay(model.seen(photograph), maps))[1].shape == (240, 240, 3)


def test_a_digit_is_seen_as_the_network_reads_it():
    digits = kc.preprocessing.DigitInput(box=20, plane=32, paper=-0.1, ink=1.175)
    model = kc.Classifier(kc.applications.LeNet5(), digits, [(d, d) for d in "0123456789"])
    digit = np.zeros((28, 28), "uint8")
    digit[4:24, 12:16] = 255
    (seen,) = model.seen(digit)
    np.testing.assert_array_equal(seen, model.prepare(digit)[0])
    assert keras.ops.shape(seen) == (32, 32, 1)
