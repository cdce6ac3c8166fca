"""The papers' own training: recipes, and one straight `train`."""

from keras_classics.training.recipes import RECIPES, Recipe
from keras_classics.training.run import Run
from keras_classics.training.train import train

__all__ = ["RECIPES", "Recipe", "Run", "train"]
