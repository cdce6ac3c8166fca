"""Published weights: their cards, files of all libraries, and the way back to them."""

from keras_classics.weights.card import Card, cards
from keras_classics.weights.files import read
from keras_classics.weights.loading import load
from keras_classics.weights.saving import save

__all__ = ["Card", "cards", "load", "read", "save"]
