"""CIFAR-100: 50,000 + 10,000 colour images of 32x32, in the official binary files.

Reference: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import os

import numpy as np

from keras_classics.datasets.cifar10 import read_binary
from keras_classics.datasets.images import Images
from keras_classics.datasets.splits import Arrays

FOLDER = "cifar-100-binary"
FILES = {"train": ["train.bin"], "test": ["test.bin"]}
URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
CLASSES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
    cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
    lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
    oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
    spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm
""".split()


def load(data_dir: str | os.PathLike | None = None) -> Images[Arrays]:
    """The data set.

    Args:
        data_dir: Folder of the binary files. Default: Keras's cache, into which they are
            downloaded.

    Raises:
        FileNotFoundError: If a file does not exist, and was not downloaded.
        ValueError: If a file is damaged.
    """
    return made("cifar100", read("train", data_dir), read("test", data_dir))


def made(
    name: str, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> Images[Arrays]:
    """A data set of CIFAR-100's kind, of uint8 images and labels."""
    return Images(name, tuple(CLASSES), Arrays(*train), Arrays(*test), held="test")


def read(split: str, data_dir: str | os.PathLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The images (uint8, 0 to 255) and fine labels of `"train"` or `"test"`, in their order."""
    files = FILES[split]  # of the two labels of an image, the second is the fine one
    return read_binary("cifar100", URL, FOLDER, files, len(CLASSES), data_dir, labels=2)
