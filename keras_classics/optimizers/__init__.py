"""Update rules that Keras does not have."""

from keras_classics.optimizers.clipped import ClippedAdamW, ClippedSGD
from keras_classics.optimizers.coupled_sgd import CoupledSGD
from keras_classics.optimizers.curvature import diagonal_curvature
from keras_classics.optimizers.estimate_curvature import EstimateCurvature
from keras_classics.optimizers.layerwise_adamw import LayerwiseAdamW
from keras_classics.optimizers.stochastic_diagonal_lm import StochasticDiagonalLM
from keras_classics.optimizers.warm_up import WarmUp

__all__ = [
    "ClippedAdamW",
    "ClippedSGD",
    "CoupledSGD",
    "EstimateCurvature",
    "LayerwiseAdamW",
    "StochasticDiagonalLM",
    "WarmUp",
    "diagonal_curvature",
]
