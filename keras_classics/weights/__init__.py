"""Published weights: their cards, files of all libraries, and the way back to them."""

import importlib
from typing import TYPE_CHECKING

_HOMES = {
    "Card": "card",
    "cards": "catalogue",
    "load": "loading",
    "read": "formats",
    "save": "saving",
}
__all__ = ["Card", "cards", "load", "read", "save"]


if not TYPE_CHECKING:  # a type checker says which names there are not

    def __getattr__(name):
        """Imports the module of a name when it is first used: the cards need no Keras."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__():
    return sorted([*globals(), *__all__])


if TYPE_CHECKING:
    from keras_classics.weights.card import Card as Card
    from keras_classics.weights.catalogue import cards as cards
    from keras_classics.weights.formats import read as read
    from keras_classics.weights.loading import load as load
    from keras_classics.weights.saving import save as save
