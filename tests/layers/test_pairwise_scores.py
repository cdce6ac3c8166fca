"""Scores from units for pairs, against the paper's sentence as a loop."""

import numpy as np
import pytest
from keras import ops

from keras_classics.layers import PairwiseScores


def test_scores_are_what_the_units_say_for_and_against_a_class():
    units = np.random.default_rng(0).normal(size=(3, 10)).astype("float32")
    labels = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    expected = np.zeros((3, 5))
    for k in range(5):
        expected[:, k] += sum(units[:, labels.index((k, x))] for x in range(k + 1, 5))
        expected[:, k] -= sum(units[:, labels.index((y, k))] for y in range(k))
    found = ops.convert_to_numpy(PairwiseScores(5)(units))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_targets_of_the_units():
    """0/1, 0/2, 1/2: a unit does not learn of a third class."""
    found = PairwiseScores(3).targets(2 * np.eye(3) - 1)
    assert ops.convert_to_numpy(found).tolist() == [[1, 1, 0], [-1, 0, 1], [0, -1, -1]]


def test_refuses_other_numbers_of_units():
    assert PairwiseScores()(np.zeros((2, 45))).shape == (2, 10)
    with pytest.raises(ValueError, match="expected axis -1 .* 45"):
        PairwiseScores()(np.zeros((2, 44)))
