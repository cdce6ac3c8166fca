"""Lines of characters: the path against all paths, and the picture."""

import itertools

import numpy as np
import pytest

from keras_classics import analysis, datasets, preprocessing
from keras_classics.applications import LeNet5
from keras_classics.applications.lenet5 import swept


def best_of_all(scores, none):
    """The best of all paths that the grammar allows; no character is -1."""
    columns, count = scores.shape
    every = np.column_stack([scores, none])

    def allowed(path):
        return all(a == b or -1 in (a, b) for a, b in itertools.pairwise(path))

    paths = [p for p in itertools.product(range(-1, count), repeat=columns) if allowed(p)]
    totals = [sum(every[t, k] for t, k in enumerate(path)) for path in paths]
    return paths[int(np.argmax(totals))]


@pytest.mark.parametrize("seed", range(20))
def test_the_path_is_the_best_that_the_grammar_allows(seed):
    rng = np.random.default_rng(seed)
    scores, none = rng.normal(size=(6, 3)), rng.normal(size=6)
    found = analysis.reading(scores, none)
    assert found.path == best_of_all(scores, none)
    runs = [k for k, _ in itertools.groupby(found.path) if k >= 0]
    assert found.labels == tuple(runs)


def test_neighbouring_columns_are_one_character():
    scores = np.full((7, 2), -20.0)
    scores[[0, 1, 3, 5], [0, 0, 0, 1]] = -1
    found = analysis.reading(scores, classes=["a", "b"])
    assert found.path == (0, 0, -1, 0, -1, 1, -1)
    assert str(found) == "aab"
    assert analysis.reading(scores, none=-0.5).labels == ()


def test_two_characters_are_apart():
    """The better one of two that touch, if no column between them can be spared."""
    scores = np.array([[-1.0, -20], [-20, -3]])
    assert analysis.reading(scores, none=-10).path == (0, -1)
    assert analysis.reading(scores, none=-5).labels == (0,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((3, 2, 2)),), r"must be \(columns, classes\).*shape \(3, 2, 2\)"),
        ((np.zeros((0, 2)),), r"must be \(columns, classes\).*shape \(0, 2\)"),
        ((np.zeros((3, 2)), -1.0, ["a"]), "a name for each class.*1 names"),
        ((np.full((3, 2), np.nan),), "must be numbers.*nan"),
        ((np.zeros((3, 2), complex),), "must be numbers.*complex"),
        ((np.zeros((3, 0)),), r"must be \(columns, classes\).*shape \(3, 0\)"),
        ((np.zeros((3, 2)), np.array([0, -np.inf, 0])), "must be a finite number"),
        ((np.zeros((3, 2)), np.zeros(2)), r"one for each of the 3 columns.*shape \(2,\)"),
    ],
)
def test_what_is_no_line(arguments, words):
    with pytest.raises(ValueError, match=words):
        analysis.reading(*arguments)


def test_a_trained_network_reads_a_string_and_its_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    digits = datasets.load("digits").validation
    line = preprocessing.digit_string(digits.images[:4], gap=8) * 1.275 - 0.1
    network = swept(LeNet5(weights="mnist-distortions"))
    found = analysis.reading(network.predict(line[None], verbose=0)[0, 0])
    assert found.labels == tuple(digits.labels[:4])
    figure = found.draw(line)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words[-1] == f"read: {found}"
    assert len(words) == 10 + len(found.path) + 1
    frames = [line for line in figure.axes[0].lines if line.get_color() == "#d62728"]
    assert len(frames) == sum(k >= 0 for k in found.path)
    # A frame is below the middle of the digit that it reads.
    scale = 8.9 / line.shape[1]
    first = min(frame.get_xdata().min() for frame in frames)
    inked = np.flatnonzero(line[..., 0].max(axis=0) > 0.5)
    assert abs((first - 0.8) / scale - inked[0]) < 16


def test_a_line_without_a_character_is_drawn():
    pytest.importorskip("matplotlib")
    found = analysis.reading(np.full((3, 2), -30.0))
    assert (found.labels, found.path) == ((), (-1, -1, -1))
    assert found.draw(np.zeros((32, 40, 1))).axes[0].texts[-1].get_text() == "read: "


def test_names_of_an_array_and_pictures_of_lines_alone():
    found = analysis.reading(np.array([[-1.0, -9], [-2, -9]]), -5, np.array(["a", "b"]))
    assert str(found) == "a"
    assert found != analysis.reading(np.array([[-1.0, -9]]), -5)
    pytest.importorskip("matplotlib")
    for shape in ((1, 32, 36, 1), (32, 36, 3), (32,)):
        with pytest.raises(ValueError, match="must be the line"):
            found.draw(np.zeros(shape))
