"""The top of cuda-convnet's networks. No other library publishes weights of them."""

from keras_classics.weights.conventions import Family

FAMILY = Family({}, heads=("fc10",), top=("fc64",))
