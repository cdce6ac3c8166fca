"""Small data that the tests of the training share."""

import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets


@pytest.fixture(scope="session")
def digits():
    """A function from two numbers of images to ten easy pictures with noise, as digits."""

    def draw(train=60, test=30):
        rng = np.random.default_rng(0)
        pictures = np.kron(rng.uniform(0, 1, (10, 5, 5)) > 0.5, np.ones((4, 4)))
        pictures = np.pad(pictures, ((0, 0), (4, 4), (4, 4)))[..., None]

        def split(count):
            labels = np.arange(count, dtype="int32") % 10
            noise = rng.uniform(0, 0.2, (count, 28, 28, 1))
            return datasets.Digits(0.8 * pictures[labels] + noise, labels, box=20)

        splits = [split(train), split(test)]
        return datasets.Images("easy", datasets.Digits.classes, *splits, held="test")

    return draw


@pytest.fixture(scope="session")
def colours():
    """A function from the side of the images to red and green ones with noise: 44 and 10."""

    def draw(side=32):
        rng = np.random.default_rng(0)

        def split(n):
            labels = (np.arange(n) % 2).astype("int32")
            colours = np.array([(180, 60, 60), (60, 180, 60)])[labels]
            noise = rng.integers(-50, 50, (n, side, side, 3))
            return datasets.Arrays((colours[:, None, None] + noise).astype("uint8"), labels)

        splits = [split(44), split(10)]
        return datasets.Images("colours", ("red", "green"), *splits, held="test")

    return draw


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """A folder of red and green photographs with noise, 12 of each, of several sizes."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name, colour in [("green", (40, 200, 40)), ("red", (200, 40, 40))]:
        (folder / name).mkdir()
        for i in range(12):
            noise = rng.integers(-40, 40, (80 + i, 100 - i, 3))
            image = Image.fromarray((np.array(colour) + noise).astype("uint8"))
            image.save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def green_and_red(tmp_path):
    """Two files of 64x90, green and red with noise."""
    paths = []
    for colour, name in [((60, 180, 60), "green"), ((180, 60, 60), "red")]:
        paths.append(tmp_path / f"{name}.png")
        noise = np.random.default_rng(1).integers(-50, 50, (64, 90, 3))
        Image.fromarray((np.array(colour) + noise).astype("uint8")).save(paths[-1])
    return paths
