"""Changes of a finished model that are not training."""

from keras_classics.surgery.fusing import fuse
from keras_classics.surgery.pyramid import features
from keras_classics.surgery.statistics import freeze_statistics, recompute_statistics

__all__ = ["features", "freeze_statistics", "fuse", "recompute_statistics"]
