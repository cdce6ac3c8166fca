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
)
from keras_classics.surgery import features, freeze_statistics, fuse, recompute_statistics

__all__ = [
    "activations",
    "analysis",
    "applications",
    "features",
    "freeze_statistics",
    "fuse",
    "initializers",
    "layers",
    "losses",
    "optimizers",
    "preprocessing",
    "recompute_statistics",
]
