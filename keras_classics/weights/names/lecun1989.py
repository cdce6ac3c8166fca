"""The top of the network of 1989. No other library publishes weights of it."""

from keras_classics.weights.conventions import Family

FAMILY = Family({}, heads=("output",), top=("H3",))
