"""The papers' own training: recipes, and one straight `train`."""

from keras_classics.training.checkpoint import Interrupted
from keras_classics.training.cifar_recipe import CIFARRecipe
from keras_classics.training.digit_recipe import DigitRecipe
from keras_classics.training.image_recipe import ImageRecipe
from keras_classics.training.progress import TensorBoard
from keras_classics.training.recipe import Recipe
from keras_classics.training.recipes import RECIPES
from keras_classics.training.run import Run
from keras_classics.training.strategies import strategy
from keras_classics.training.train import train
from keras_classics.training.vit_recipe import ViTRecipe

__all__ = [
    "RECIPES",
    "CIFARRecipe",
    "DigitRecipe",
    "ImageRecipe",
    "Interrupted",
    "Recipe",
    "Run",
    "TensorBoard",
    "ViTRecipe",
    "strategy",
    "train",
]
