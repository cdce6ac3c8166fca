"""docs/lecture: its pages, and the numbers in its pictures."""

import functools
import importlib.util
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from keras_classics.analysis.page import DPI

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs" / "lecture"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "index")


@pytest.fixture(scope="module")
def draw():
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("docs_lecture_draw", FOLDER / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def figure(draw):
    """Draws the picture of a page, once."""
    return functools.cache(lambda page: draw.PAGES[page]())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_an_equation_answers_a_picture_and_sources(page):
    text = (FOLDER / f"{page}.md").read_text()
    assert re.search(r"^    \S.* = ", text, re.MULTILINE) or "<-" in text
    assert text.count("**Question.**") in (1, 2)
    assert f"]({page}.png)" in text
    assert f"`python docs/lecture/draw.py {page}` draws it" in text
    assert "\nFiles: [" in text
    assert re.search(r"\bPapers?:\s", text)
    assert f"]({page}.md)" in (FOLDER / "index.md").read_text()


def test_each_page_has_its_picture(draw):
    assert sorted(draw.PAGES) == PAGES
    assert sorted(path.stem for path in FOLDER.glob("*.png")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_picture_is_small_and_has_the_size_of_its_figure(page, figure):
    path = FOLDER / f"{page}.png"
    assert path.stat().st_size < 60_000
    found = figure(page).get_size_inches() * DPI
    assert Image.open(path).size == tuple(found.round().astype(int))


def curves(axes):
    return [np.array(line.get_xydata(), "float64").T for line in axes.get_lines()]


def test_the_loss_and_its_gradient(figure):
    (x, loss), (_, gradient) = curves(figure("softmax").axes[1])
    np.testing.assert_allclose(loss, np.log1p(np.exp(-x)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradient, 1 / (1 + np.exp(-x)) - 1, rtol=1e-4, atol=1e-6)


def test_the_probabilities_at_three_temperatures(figure):
    for axes, temperature in zip(figure("softmax").axes[2:], (0.25, 1, 4), strict=True):
        e = np.exp(np.array([0, -1, -3]) / temperature)
        heights = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(heights, e / e.sum(), rtol=1e-4)


def test_the_entropy_is_that_of_the_bars(figure):
    page, *panels = figure("information").axes
    said = [float(re.search(r"([\d.]+) bits", text.get_text())[1]) for text in page.texts]
    assert said == sorted(said)
    assert said[2] == 0 < 0.5 < said[3]
    for bits, axes in zip(said, panels, strict=True):
        p = np.array([bar.get_height() for bar in axes.patches])
        assert p.sum() == pytest.approx(1, abs=1e-5)
        assert bits == pytest.approx(-np.sum(p * np.log2(np.maximum(p, 1e-30))), abs=0.006)


def test_the_places_of_a_kernel(figure):
    """A row of squares a place, three of them dark; white ones where the zeros are."""
    page = figure("convolution").axes[0]
    squares = [float(image.get_array().squeeze()) for image in page.images]
    assert squares.count(0.65) == 3 * (8 + 6 + 4)
    assert len(squares) == 8 * 10 + 6 * 8 + 4 * 6
    # Of 8 places with 4 zeros, 32 less the 6 under the kernel; of 6 with 2, 12 less 2.
    assert squares.count(0) == 26 + 10


def test_a_unit_is_a_blur_an_or_and_an_and(figure):
    page, axes = figure("subsampling").axes
    for (total, y), (alpha, beta) in zip(
        curves(axes), [(0.1, 0.2), (20, 10), (20, 70)], strict=True
    ):
        np.testing.assert_allclose(y, 1 / (1 + np.exp(beta - alpha * total)), atol=1e-5)
    digit, _, either, both = (np.array(image.get_array()) for image in page.images)
    windows = digit.reshape(14, 2, 14, 2).sum((1, 3))
    np.testing.assert_array_equal(either > 0.5, windows > 0.5)
    np.testing.assert_array_equal(both > 0.5, windows > 3.5)


def test_the_paths_are_those_of_the_rules(figure):
    valley, decay = figure("momentum").axes[1:]
    scales = np.array([1, 25])
    for path, momentum in zip(curves(valley), (0, 0.9), strict=True):
        w, v = np.array([-4.0, 1.0]), 0
        for point in path.T:
            np.testing.assert_allclose(point, w, atol=1e-4)
            v = momentum * v - 0.03 * scales * w
            w = w + v
    (_, decoupled), (_, coupled) = curves(decay)
    np.testing.assert_allclose(decoupled, 0.999 ** np.arange(201), rtol=1e-4)
    w, v = 1.0, 0.0
    for found in coupled:
        assert found == pytest.approx(w, rel=1e-4)
        v = 0.9 * v - 0.01 * 0.1 * w
        w += v


def test_what_changes_with_one_value(figure):
    batch, layer, group = (np.array(e.get_array()) for e in figure("normalization").axes[0].images)
    expected = np.zeros((3, 4, 6))
    expected[0, :, 2] = expected[1, 1] = expected[2, 1, :3] = 1
    np.testing.assert_array_equal([batch, layer, group], expected)


def test_the_variance_of_the_scores(figure):
    variance, largest = figure("attention").axes[1:]
    (d, plain), (_, divided) = curves(variance)
    np.testing.assert_allclose(plain, d, rtol=0.05)
    np.testing.assert_allclose(divided, 1, rtol=0.05)
    (_, plain), (_, divided) = curves(largest)
    assert all(np.diff(plain) > 0)
    assert plain[-1] > 0.9
    assert divided[1:].max() < 0.06
