"""Update rules that Keras does not have."""

from keras_classics.optimizers.coupled_sgd import CoupledSGD
from keras_classics.optimizers.stochastic_diagonal_lm import (
    EstimateCurvature,
    StochasticDiagonalLM,
    diagonal_curvature,
)

__all__ = ["CoupledSGD", "EstimateCurvature", "StochasticDiagonalLM", "diagonal_curvature"]
