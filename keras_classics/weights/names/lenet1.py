"""The top of LeNet-1. No other library publishes weights of it."""

from keras_classics.weights.conventions import Family

FAMILY = Family({}, heads=("output",))
