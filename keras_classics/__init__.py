"""Classic vision networks for Keras, each as its paper printed it."""

__version__ = "0.1.0"

import importlib
import pathlib
import sys
from typing import TYPE_CHECKING

from keras_classics import checks

_HOMES = {
    "Classifier": "classification",
    "build": "models",
    "classifier": "classification",
    "features": "surgery",
    "freeze_statistics": "surgery",
    "fuse": "surgery",
    "list_models": "models",
    "recompute_statistics": "surgery",
    "serve": "serving",
}
_ROOMS = (
    *("activations", "analysis", "applications", "datasets", "experiments", "initializers"),
    *("layers", "losses", "names", "optimizers", "page", "preprocessing", "serving"),
    *("training", "weights"),
)
# Imported when they are first used.
_LATER = ("datasets", "experiments", "page", "serving", "training")
__all__ = sorted([*_HOMES, *_ROOMS])


def _find(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    except ModuleNotFoundError as error:
        if error.name not in checks.BACKENDS:
            raise
        raise ImportError(checks.explained(error)) from None
    if name in _ROOMS:
        return home
    globals()[name] = getattr(home, name)
    return globals()[name]


if not TYPE_CHECKING:  # a type checker says which names there are not
    __getattr__ = _find


def __dir__():
    return sorted([*globals(), *__all__])


def _is_command():
    """Whether this process is the command line, which imports what its command needs."""
    module = ["-m", __name__]
    words = sys.orig_argv
    return pathlib.Path(sys.argv[0]).stem == "keras-classics" or any(
        words[k : k + 2] == module for k in range(len(words) - 1)
    )


if not _is_command():  # then Keras has to know the classes of saved models
    for _name in (*_HOMES, *_ROOMS):
        if _HOMES.get(_name, _name) not in _LATER:
            globals()[_name] = _find(_name)

if TYPE_CHECKING:
    from keras_classics import activations as activations
    from keras_classics import analysis as analysis
    from keras_classics import applications as applications
    from keras_classics import datasets as datasets
    from keras_classics import experiments as experiments
    from keras_classics import initializers as initializers
    from keras_classics import layers as layers
    from keras_classics import losses as losses
    from keras_classics import names as names
    from keras_classics import optimizers as optimizers
    from keras_classics import page as page
    from keras_classics import preprocessing as preprocessing
    from keras_classics import serving as serving
    from keras_classics import training as training
    from keras_classics import weights as weights
    from keras_classics.classification import Classifier as Classifier
    from keras_classics.classification import classifier as classifier
    from keras_classics.models import build as build
    from keras_classics.models import list_models as list_models
    from keras_classics.serving import serve as serve
    from keras_classics.surgery import features as features
    from keras_classics.surgery import freeze_statistics as freeze_statistics
    from keras_classics.surgery import fuse as fuse
    from keras_classics.surgery import recompute_statistics as recompute_statistics
