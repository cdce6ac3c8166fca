"""The networks, one paper a file."""

from keras_classics.applications.lecun1989 import LeCun1989
from keras_classics.applications.lenet1 import LeNet1
from keras_classics.applications.lenet5 import LeNet5

__all__ = ["LeCun1989", "LeNet1", "LeNet5"]
