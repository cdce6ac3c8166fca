"""Data sets as the papers' recipes read them: digits in memory, photographs one by one.

What is named here is imported when it is first used, so that the names of the data sets
(`keras_classics.names.DATA_SETS`) can be had without Keras.
"""

import importlib
from typing import TYPE_CHECKING

from keras_classics import names

_HOMES = {
    "OTHERS": "loading",
    "Arrays": "splits",
    "Digits": "splits",
    "Files": "splits",
    "Images": "images",
    "InMemory": "splits",
    "Shards": "shards",
    "Split": "splits",
    "Stream": "splits",
    "image_folder": "folders",
    "is_folder": "loading",
    "load": "loading",
    "pack": "packing",
    "read_image": "decoding",
    "size": "loading",
    "test_folder": "folders",
    "verify": "packing",
    "wrap": "images",
}
_MODULES = (*names.DATA_SETS, *sorted({*_HOMES.values(), "files", "of_keras", "tfds"}))
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
    from keras_classics.datasets.decoding import read_image as read_image
    from keras_classics.datasets.folders import image_folder as image_folder
    from keras_classics.datasets.folders import test_folder as test_folder
    from keras_classics.datasets.images import Images as Images
    from keras_classics.datasets.images import wrap as wrap
    from keras_classics.datasets.loading import OTHERS as OTHERS
    from keras_classics.datasets.loading import is_folder as is_folder
    from keras_classics.datasets.loading import load as load
    from keras_classics.datasets.loading import size as size
    from keras_classics.datasets.packing import pack as pack
    from keras_classics.datasets.packing import verify as verify
    from keras_classics.datasets.shards import Shards as Shards
    from keras_classics.datasets.splits import Arrays as Arrays
    from keras_classics.datasets.splits import Digits as Digits
    from keras_classics.datasets.splits import Files as Files
    from keras_classics.datasets.splits import InMemory as InMemory
    from keras_classics.datasets.splits import Split as Split
    from keras_classics.datasets.splits import Stream as Stream
