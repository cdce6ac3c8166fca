"""Runs beside each other, and the two statistics, against scipy and sums."""

import dataclasses

import numpy as np
import pytest

from keras_classics import datasets, training
from keras_classics.analysis import compare, comparing

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def data():
    """Bars at two heights, hard to tell apart."""
    images = rng.uniform(0, 0.6, (60, 28, 28, 1))
    for k, image in enumerate(images):
        image[10 + k % 2 : 14, 5:23] += 0.2
    split = datasets.Digits(np.clip(images, 0, 1), [3, 7] * 30, 20)
    return datasets.Images("bars", datasets.Digits.classes, split, split, held="test")


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    recipe = dataclasses.replace(training.recipe("lenet1"), epochs=2, curvature_patterns=5)
    other = dataclasses.replace(recipe, epochs=3, curvature_patterns=6)
    return [
        training.train(recipe, data, folder / "short", 0, verbose=0),
        training.train(other, data, folder / "long", 1, verbose=0),
    ]


def test_what_differs(runs):
    found = compare(runs)
    assert found.names == ["short", "long"]
    assert found.differences["epochs"] == (2, 3)
    assert found.differences["seed"] == (0, 1)
    assert found.differences["epochs trained"] == (2, 3)
    assert {"recipe", "loss", "data: name", "dtype_policy"}.isdisjoint(found.differences)
    assert not any(key.startswith("version") for key in found.differences)
    assert found.pairs == {}
    text = str(found)
    assert "| epochs " in text
    for run in runs:
        error = run.manifest["errors"]["test"]
        assert f"{error['percent']:.2f} (" in text
        assert f"{error['wrong']} of 60" in text


class Read:
    """A run whose predictions are given."""

    def __init__(self, run, predictions):
        self.__dict__.update(vars(run), history=run.history, validated=run.validated)
        self.predictions = lambda data: predictions


def test_only_the_first_is_wrong(runs, data):
    """Image by image; other images of a part of the same name are not compared."""
    scores, labels = rng.uniform(size=(2, 40, 3)), rng.integers(0, 3, 40)
    scores[1] += np.eye(3)[labels] / 2  # the better one
    parts = [
        {"held out": (scores[0], labels), "test": (scores[0], labels)},
        {"held out": (scores[1][:30], labels[:30]), "test": (scores[1], labels)},
    ]
    found = compare([Read(*pair) for pair in zip(runs, parts, strict=True)], data)
    only = [0, 0]
    for first, second, label in zip(*scores, labels, strict=True):
        right = max(range(3), key=first.__getitem__), max(range(3), key=second.__getitem__)
        if (right[0] == label) != (right[1] == label):
            only[int(right[1] != label)] += 1
    assert found.pairs == {"test": {(0, 1): tuple(only)}}
    assert only[0] > 2 * only[1] > 0  # which a swap would show
    assert f"| short and long, test | {only[0]} " in str(found)
    scores[1, 0] = np.nan
    with pytest.raises(ValueError, match="nan for 1 of 40 images"):
        compare([Read(*pair) for pair in zip(runs, parts, strict=True)], data)


def test_the_networks_read_the_data(runs, data):
    """The counts of the manifest come out of the predictions, too."""
    for run in runs:
        scores, labels = run.predictions(data)["test"]
        assert scores.shape == (60, 10)
        assert (scores.argmax(-1) != labels).sum() == run.manifest["errors"]["test"]["wrong"]
    b, c = compare(runs, data).pairs["test"][0, 1]
    wrong = [run.manifest["errors"]["test"]["wrong"] for run in runs]
    assert b - c == wrong[0] - wrong[1]


def test_a_recipe_without_a_field(runs, data, tmp_path):
    recipe = dataclasses.replace(training.recipe("lenet5"), epochs=1, curvature_patterns=5)
    other = training.train(recipe, data, tmp_path / "short", verbose=0)
    found = compare([runs[0], other])
    assert found.names == [str(runs[0].folder), str(other.folder)]
    assert found.differences["recipe"] == ("LeNet1Recipe", "LeNet5Recipe")
    assert any(None in values for values in found.differences.values())
    assert found.differences["network: layers of RBFOutput"] == (None, 1)
    assert found.differences["learning_rates"][1] == list(recipe.learning_rates)
    assert max(map(len, str(found).splitlines())) < 200
    assert found.differences["network: parameters"] == (
        2578,
        60840,
    )  # with the codes of the RBF units


def test_curves(runs):
    pytest.importorskip("matplotlib")
    found = compare(runs)
    lines = found.draw().axes[1].lines
    assert [line.get_label() for line in lines] == [
        *("short, test", "short, training", "long, test", "long, training")
    ]
    np.testing.assert_array_equal(lines[2].get_xdata(), [1, 2, 3])
    accuracy = runs[1].history["val_categorical_accuracy"]
    np.testing.assert_allclose(lines[2].get_ydata(), 100 - 100 * np.array(accuracy))


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (12, 30), (30, 12), (7, 7), (400, 520)])
def test_mcnemar_is_scipys_binomial_test(b, c):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1
    assert comparing.mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("wrong", "of"), [(0, 10), (1, 7), (86, 10_000), (7, 7)])
def test_wilson_is_scipys(wrong, of):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(wrong, of).proportion_ci(0.95, "wilson")
    assert comparing.wilson(wrong, of) == pytest.approx(tuple(expected), abs=1e-12)


def test_one_run_and_unfinished_ones_are_refused(runs):
    message = r"`runs` must be two or more finished runs, `training.Run\(folder\)` each"
    with pytest.raises(ValueError, match=message):
        compare(runs[:1])
    unfinished = training.Run(runs[1].folder)
    del unfinished.manifest["errors"]
    with pytest.raises(ValueError, match=message):
        compare([runs[0], unfinished])
