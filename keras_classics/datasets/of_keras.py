"""The data sets of `keras.datasets` that have images."""

import importlib
from types import ModuleType
from typing import Any

from keras_classics import cache
from keras_classics.datasets.images import Images

MODULES = {  # of each data set, the module here of its kind
    "mnist": "mnist",
    "fashion_mnist": "mnist",
    "cifar10": "cifar10",
    "cifar100": "cifar100",
}


def load(name: str) -> Images[Any]:
    """A data set of `keras.datasets`, which Keras downloads if need be.

    Args:
        name: `"mnist"`, `"fashion_mnist"`, `"cifar10"` or `"cifar100"`.

    Raises:
        ValueError: If there is no such data set.
        FileNotFoundError: If it cannot be downloaded.
    """
    import keras

    module = module_of(name)
    try:
        with cache.impatient():
            arrays = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises nothing narrower
        raise FileNotFoundError(
            f"keras:{name} is not in {cache.home() / 'datasets'}, and could not be downloaded "
            f"({error})."
        ) from error
    return module.made(f"keras:{name}", *arrays)


def module_of(name: str) -> ModuleType:
    """The module here of a data set's kind."""
    if name not in MODULES:
        raise ValueError(
            f"Of keras.datasets there are {', '.join(f'keras:{k}' for k in MODULES)}. "
            f"Received: keras:{name}"
        )
    return importlib.import_module(f"keras_classics.datasets.{MODULES[name]}")
