"""Runs that answer together."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import datasets, training
from keras_classics.training import ensembles, evaluation, imaging
from tests.training import tiny


@dataclasses.dataclass(frozen=True)
class Brighter(tiny.Tiny):
    """Another way to the network."""

    def layers(self, training):
        return [keras.layers.Rescaling(1.0, 20.0), *super().layers(training)[1:]]


@pytest.fixture(scope="module")
def runs(colours, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble")
    return [
        training.train(
            tiny.Tiny(), colours(), folder / str(seed), seed, builder=tiny.network, verbose=0
        )
        for seed in range(3)
    ]


def test_predictions_are_averaged(runs, colours):
    each = [run.predictions(colours()) for run in runs]
    for part, (scores, labels) in training.ensemble(runs, colours()).items():
        expected = sum(found[part][0].astype(float) for found in each) / 3
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
        np.testing.assert_array_equal(labels, each[0][part][1])
        assert np.ptp([found[part][0] for found in each], axis=0).max() > 1e-3


def test_an_image_is_read_once_for_networks_that_see_it_alike(runs, colours, monkeypatch):
    calls = []
    read_by = imaging.read_by

    def counting(recipe, layers, readers, *others):
        calls.append(len(readers))
        return read_by(recipe, layers, readers, *others)

    monkeypatch.setattr(imaging, "read_by", counting)
    parts = len(training.ensemble(runs, colours()))
    assert calls == [3] * parts
    calls.clear()
    other = training.Run(runs[1].folder)
    other.recipe = Brighter()
    found = ensembles.members([runs[0], other, runs[2]], colours())
    assert sorted(calls) == [1] * parts + [2] * parts
    for part, (scores, _) in found[1].items():
        np.testing.assert_allclose(scores, other.predictions(colours())[part][0], rtol=1e-5)


def test_refused(runs, colours):
    probabilities = np.full((4, 2), 0.5)
    with pytest.raises(ValueError, match="Probabilities and other scores have no common mean"):
        evaluation.average([(probabilities, None), (4 * probabilities, None)])
    with pytest.raises(ValueError, match="`runs` must be one or more runs"):
        training.ensemble([1], colours())
    other = training.Run(runs[1].folder)
    other.manifest["data"]["classes"] = ["a", "b"]
    with pytest.raises(ValueError, match="must have the same classes"):
        training.ensemble([runs[0], other], colours())
    with pytest.raises(ValueError, match="mine trains on images of 3 channels"):
        training.ensemble(runs, datasets.load("digits"))
