"""The papers' own small experiments, once more on real data."""

from keras_classics.experiments import degradation, relu_vs_tanh
from keras_classics.experiments.ablations import LRN, OVERLAP

EXPERIMENTS = {
    "relu-vs-tanh": relu_vs_tanh,
    "lrn": LRN,
    "overlap": OVERLAP,
    "degradation": degradation,
}

__all__ = ["EXPERIMENTS"]
