"""CIFAR-100: 50,000 + 10,000 colour images of 32x32, in the official binary files.

Reference: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from keras_classics.datasets.cifar10 import read_binary

ABOUT = "50,000 + 10,000 colour images of 32x32, a hundred classes, two binary files"
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


def read(split, data_dir=None):
    """The images (uint8, 0 to 255) and fine labels of `"train"` or `"test"`, in their order."""
    files = FILES[split]  # of the two labels of an image, the second is the fine one
    return read_binary("cifar100", URL, FOLDER, files, len(CLASSES), data_dir, labels=2)
