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

__all__ = [
    "activations",
    "analysis",
    "applications",
    "initializers",
    "layers",
    "losses",
    "optimizers",
    "preprocessing",
]
