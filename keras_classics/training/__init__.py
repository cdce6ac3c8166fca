"""The papers' own training: recipes, and one straight `train`."""

import importlib
from typing import TYPE_CHECKING

_HOMES = {
    "FineTuneRecipe": "finetuning",
    "Interrupted": "checkpoint",
    "RECIPES": "recipes",
    "Recipe": "engine",
    "Run": "run",
    "TensorBoard": "progress",
    "cite": "engine",
    "ensemble": "ensembles",
    "finetune": "finetuning",
    "recipe": "engine",
    "strategy": "strategies",
    "train": "trainer",
}
_MODULES = (*sorted({*_HOMES.values()}), "evaluation", "imaging", "inputs", "mixing", "schedules")
__all__ = sorted(_HOMES)


if not TYPE_CHECKING:  # a type checker says which names there are not

    def __getattr__(name):
        if name in _HOMES:
            value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
            globals()[name] = value
            return value
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__, *_MODULES])


if TYPE_CHECKING:
    from keras_classics.training.checkpoint import Interrupted as Interrupted
    from keras_classics.training.engine import Recipe as Recipe
    from keras_classics.training.engine import cite as cite
    from keras_classics.training.engine import recipe as recipe
    from keras_classics.training.ensembles import ensemble as ensemble
    from keras_classics.training.finetuning import FineTuneRecipe as FineTuneRecipe
    from keras_classics.training.finetuning import finetune as finetune
    from keras_classics.training.progress import TensorBoard as TensorBoard
    from keras_classics.training.recipes import RECIPES as RECIPES
    from keras_classics.training.run import Run as Run
    from keras_classics.training.strategies import strategy as strategy
    from keras_classics.training.trainer import train as train
