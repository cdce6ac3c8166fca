"""Errors and confusions."""

import numpy as np
import pytest

from keras_classics.training import evaluation

SCORES = np.random.default_rng(0).normal(size=(300, 8))
LABELS = np.random.default_rng(1).integers(0, 7, 300)  # the last class has no image


def test_errors_and_confusions():
    """As counted one by one."""
    errors, matrix = evaluation.count(SCORES, LABELS), np.zeros((8, 8), int)
    missed = np.zeros(2, int)
    for scores, label in zip(SCORES, LABELS, strict=True):
        order = sorted(range(8), key=lambda k: -scores[k])
        missed += [order[0] != label, label not in order[:5]]
        matrix[label, order[0]] += 1
    assert (errors["wrong"], errors["of"]) == (missed[0], 300)
    assert errors["percent"] == round(missed[0] / 3, 3)
    assert errors["top-5"] == {"wrong": missed[1], "of": 300, "percent": round(missed[1] / 3, 3)}
    assert 0 < missed[1] < missed[0]
    np.testing.assert_array_equal(evaluation.confusion(SCORES, LABELS), matrix)
    assert "top-5" not in evaluation.count(SCORES[:, :5], LABELS % 5)


def test_of_equal_scores_the_first_class_counts():
    assert evaluation.count(np.zeros((6, 6)), np.arange(6))["wrong"] == 5


def test_nan_is_no_class():
    scores = SCORES.copy()
    scores[[5, 7], 3] = np.nan
    with pytest.raises(ValueError, match="nan for 2 of 300 images. Look for weights"):
        evaluation.count(scores, LABELS)
    scores[[5, 7], 3] = np.inf
    assert evaluation.count(scores, LABELS)["of"] == 300


def test_a_matrix_of_few_classes(tmp_path):
    matrix, names = np.array([[3, 1, 0], [0, 12345, 0], [0, 0, 0]]), ["cat", "a, dog", "bird"]
    assert evaluation.table(matrix, names).splitlines() == [
        "         cat a, do  bird    error",
        "cat        3     1     .   25.0 %",
        "a, dog     . 12345     .    0.0 %",
        "bird       .     .     .    0.0 %",
    ]
    evaluation.write(tmp_path / "matrix.csv", matrix, names)
    again, known = evaluation.read(tmp_path / "matrix.csv")
    np.testing.assert_array_equal(again, matrix)
    assert known == names


def test_a_matrix_of_many_classes():
    matrix = np.diag(np.full(30, 10))
    matrix[4, 7], matrix[20, 3], matrix[20, 2] = 10, 30, 20
    lines = evaluation.table(matrix, [f"c{k}" for k in range(30)]).splitlines()
    assert lines[:3] == [
        "Worst classes:",
        "   83.3 % (50 of 60)  c20",
        "   50.0 % (10 of 20)  c4",
    ]
    assert lines[11:] == [
        "Most frequent confusions:",
        "  30  c20 taken for c3",
        "  20  c20 taken for c2",
        "  10  c4 taken for c7",
    ]
