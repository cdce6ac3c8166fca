"""The top of LeNet-5 and of the networks that its paper compares it with. No other library
publishes weights of them."""

from keras_classics.weights.conventions import Family

HEADS = ("RBF", "predictions", "output", "units")
FAMILY = Family({}, heads=HEADS, top=("F6",), decides=lambda network: ("head",))
