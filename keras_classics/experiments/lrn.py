"""Local response normalization, with and without, on CIFAR-10.

Krizhevsky, Sutskever & Hinton, NIPS 2012, section 3.3: a four-layer network has a test error of
13 % without normalization and of 11 % with it. See `ablation` for how it is trained here.
"""

import os

from keras_classics.experiments.ablation import EPOCHS, SEEDS, Ablation

ABLATION = Ablation("lrn", "lrn", (11, 13))


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains with and without, as `Ablation.run` does, and returns the table."""
    return ABLATION.run(data_dir, folder, seeds, epochs)
