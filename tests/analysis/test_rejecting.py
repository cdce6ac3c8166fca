"""Error over rejection, by all thresholds tried one by one."""

import itertools

import numpy as np
import pytest

from keras_classics import analysis


def scores(seed, images=40, classes=4):
    """Whole numbers, so that some measures are equal."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    scores = rng.integers(0, 9, (images, classes)).astype("float32")
    scores[np.arange(images), labels] += rng.integers(0, 8, images)
    return scores, labels


def fewest(scores, labels, takes, error):
    """The fewest images that any of these choices rejects, with at most this error."""
    wrong = scores.argmax(axis=1) != labels
    sums = ((np.sum(~t), np.sum(t & wrong), max(1, np.sum(t))) for t in takes)
    return min(rejected for rejected, w, taken in sums if w <= error * taken)


def choices(scores, criterion):
    """For every threshold, or three, which images are taken."""
    second, first = np.sort(scores, axis=1)[:, -2:].T
    at = np.arange(-1, 20)
    if criterion == "margin":
        return [first - second >= t for t in at]
    if criterion == "largest":
        return [first >= t for t in at]
    return [
        (first > t1) & (second < t2) & (first - second >= td)
        for t1, t2, td in itertools.product(at, at, at)
    ]


@pytest.mark.parametrize("criterion", ["margin", "largest", "three"])
@pytest.mark.parametrize("seed", range(4))
def test_the_fewest_are_rejected(criterion, seed):
    found = analysis.rejection(*(pair := scores(seed)), criterion)
    every = choices(pair[0], criterion)
    for error in (0.3, 0.2, 0.1, 0.05, 0.02, 0.0):
        decision = found.at(error)
        assert decision.rejected == fewest(*pair, every, error)
        assert decision.error <= error
    rejected = [each.rejected for each in found.decisions]
    assert rejected == sorted(set(rejected))
    assert (rejected[-1], found.decisions[-1].wrong) == (40, 0)


@pytest.mark.parametrize("criterion", ["margin", "largest", "three"])
def test_thresholds_do_what_the_decision_says(criterion):
    x, labels = scores(5)
    second, first = np.sort(x, axis=1)[:, -2:].T
    for decision in analysis.rejection(x, labels, criterion).decisions:
        if criterion == "three":
            t1, t2, td = decision.thresholds
            takes = (first > t1) & (second < t2) & (first - second >= td)
        else:
            takes = (first - second if criterion == "margin" else first) >= decision.thresholds[0]
        wrong = np.sum(takes & (x.argmax(axis=1) != labels))
        assert (decision.rejected, decision.wrong) == (np.sum(~takes), wrong)


def test_three_thresholds_are_never_worse_than_one():
    pair = scores(6, 300)
    three = analysis.rejection(*pair, "three")
    for criterion in ("margin", "largest"):
        one = analysis.rejection(*pair, criterion)
        for error in np.linspace(0, 0.3, 7):
            assert three.at(error).rejected <= one.at(error).rejected


def test_the_table():
    x = np.array([[9, 1, 0], [5, 4, 0], [3, 7, 1], [2, 3, 1]], "float32")
    found = analysis.rejection(x, np.array([0, 1, 1, 2]))
    assert str(found).splitlines() == [
        "Rejected by the difference of the two largest scores:",
        "error of the rest  rejected            thresholds",
        "50.00 % (2 of 4)     0.00 %  (0 of 4)  1",
        *["0.00 % (0 of 2)     50.00 %  (2 of 4)  4"] * 7,
    ]


def test_the_curve():
    pytest.importorskip("matplotlib")
    pair = scores(7)
    found = analysis.rejection(*pair)
    axes = next(each for each in found.draw().axes if each.lines)
    x, y = axes.lines[0].get_data()
    expected = [(2.5 * each.rejected, 100 * each.error) for each in found.decisions[:-1]]
    np.testing.assert_allclose(np.transpose([x, y]), expected)  # of 40 images
    assert y[0] == pytest.approx(100 * np.mean(pair[0].argmax(axis=1) != pair[1]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rejected, %", "error of the rest, %")


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (np.zeros((3, 1)), np.zeros(3), "two classes or more"),
        (np.zeros((3, 4)), np.zeros(2), r"a label for each image. .*\(3, 4\), labels \(2,\)"),
        (np.zeros((0, 4)), np.zeros(0), "Expected images"),
        (np.full((3, 4), np.nan), np.zeros(3), "nan for 3 of 3 images"),
    ],
)
def test_refused(x, labels, message):
    with pytest.raises(ValueError, match=message):
        analysis.rejection(x, labels)
