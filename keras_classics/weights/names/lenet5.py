"""The top of LeNet-5. No other library publishes weights of it."""

from keras_classics.weights.conventions import Family

FAMILY = Family({}, heads=("RBF", "predictions"), top=("F6",), decides=lambda network: ("head",))
