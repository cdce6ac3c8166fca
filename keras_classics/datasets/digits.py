"""The 1,797 digits of 8x8 that scikit-learn carries, brought to 20x20 in 28x28.

They are the test set of the UCI "Optical Recognition of Handwritten Digits". Each is normalised as
MNIST's digits were. The test set is the last 360 images, by other writers than most of the training
images.
"""

import os

import numpy as np

from keras_classics.checks import install
from keras_classics.datasets.images import Images
from keras_classics.datasets.splits import Digits
from keras_classics.preprocessing import normalize_digit

BOX = 20
TEST = 360


def load(data_dir: str | os.PathLike | None = None) -> Images[Digits]:
    """The data set. It has no files, and `data_dir` is not needed.

    Raises:
        ImportError: If scikit-learn is not installed.
    """
    train, test = (Digits(*read(split), BOX) for split in ("train", "test"))
    return Images("digits", Digits.classes, train, test, held="test")


def read(split: str, data_dir: str | os.PathLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of `"train"` or `"test"`; `data_dir` is not needed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            f"The data set 'digits' comes with scikit-learn: {install('digits')}"
        ) from error
    part = slice(None, -TEST) if split == "train" else slice(-TEST, None)
    images, labels = load_digits(return_X_y=True)
    placed = [normalize_digit(image.reshape(8, 8) / 16, BOX, 28, "mnist") for image in images[part]]
    return np.stack(placed)[..., None], labels[part].astype("int32")
