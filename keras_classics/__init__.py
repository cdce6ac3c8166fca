"""Classic vision networks for Keras, each as its paper printed it."""

__version__ = "0.1.0"

from keras_classics import (
    activations,
    analysis,
    applications,
    initializers,
    layers,
    losses,
    optimizers,
    preprocessing,
    weights,
)
from keras_classics.classifier import Classifier, classifier
from keras_classics.surgery import features, freeze_statistics, fuse, recompute_statistics

__all__ = [
    "Classifier",
    "activations",
    "analysis",
    "applications",
    "classifier",
    "features",
    "freeze_statistics",
    "fuse",
    "initializers",
    "layers",
    "losses",
    "optimizers",
    "preprocessing",
    "recompute_statistics",
    "weights",
]
