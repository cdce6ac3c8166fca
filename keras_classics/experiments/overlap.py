"""Overlapping pooling, with and without, on CIFAR-10.

Krizhevsky, Sutskever & Hinton, NIPS 2012, section 3.4: on ImageNet, overlapping pooling lowers the
top-1 error by 0.4 points. The paper has no number for CIFAR-10. See `ablation` for how the network
is trained here.
"""

import os

from keras_classics.experiments.ablation import EPOCHS, SEEDS, Ablation

ABLATION = Ablation("overlap", "overlapping_pooling")


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains with and without, as `Ablation.run` does, and returns the table."""
    return ABLATION.run(data_dir, folder, seeds, epochs)
