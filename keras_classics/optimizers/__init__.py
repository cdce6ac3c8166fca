"""Update rules that Keras does not have."""

from keras_classics.optimizers.stochastic_diagonal_lm import (
    EstimateCurvature,
    StochasticDiagonalLM,
    diagonal_curvature,
)

__all__ = ["EstimateCurvature", "StochasticDiagonalLM", "diagonal_curvature"]
