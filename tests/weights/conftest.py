"""What the tests of the weights share: peers with random values, and whether we agree with them."""

import gc
import itertools
import math
import pathlib
import runpy
import types

import keras
import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent


# Random numbers are drawn once; a weight takes a window of them. To draw those of each weight
# anew took most of the time of these tests.
POOL = np.random.default_rng(0).standard_normal(2**18 + 3, "float32")


def window(shape, rng):
    """Numbers of the pool from a random place on, which goes round as often as it takes."""
    size, start = math.prod(shape), rng.integers(len(POOL))
    rounds = [POOL] * -(-(start + size) // len(POOL))
    numbers = POOL if len(rounds) == 1 else np.concatenate(rounds)
    return numbers[start : start + size].reshape(shape)


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Networks start from windows of the pool, too."""
    rng = np.random.default_rng(3)

    def draw(initializer, shape, dtype=None):
        return keras.ops.convert_to_tensor(0.05 * window(shape, rng), dtype)

    for kind in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(kind, "__call__", draw)


@pytest.fixture(autouse=True)
def files(tmp_path):
    """Removes the files of a test: some have a quarter of a gigabyte, and pytest keeps them."""
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.unlink()


def namespace(path):
    return types.SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture(scope="session")
def peers():
    """The peers in PyTorch and Caffe, and how their files are written."""
    return namespace(HERE / "peers.py")


@pytest.fixture(scope="session")
def twins():
    """Our own networks in plain PyTorch."""
    pytest.importorskip("torch", reason="needs PyTorch, for networks to compare with")
    return namespace(HERE.parent / "applications" / "twins.py")


def random(shape, name, rng):
    """Values for a weight at which it shows in the output, all far from where they start."""
    if name in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape)
    if name == "kernel":
        return window(shape, rng) * np.float32(math.sqrt(2 / math.prod(shape[:-1])))
    return 0.3 * window(shape, rng)


@pytest.fixture(scope="session")
def lively():
    """A function that gives all weights of a Keras model random values."""

    def change(model, seed=1):
        rng = np.random.default_rng(seed)
        for weight in model.weights:
            if "seed_generator" not in weight.path:
                kind = "kernel" if "kernel" in weight.name else weight.name
                weight.assign(random(weight.shape, kind, rng))
        return model

    return change


@pytest.fixture(scope="session")
def kept():
    """A function that returns what a function makes, or what it made before for this key.

    It keeps the last four: some have a quarter of a gigabyte.
    """
    known = {}

    def get(key, make):
        known[key] = known.pop(key) if key in known else make()
        for old in list(known)[:-4]:
            del known[old]
            gc.collect()
        return known[key]

    return get


@pytest.fixture
def built(kept, lively):
    """A function that builds a network, or takes a kept one; its weights are random anew."""
    seeds = itertools.count(100)

    def build(builder, **given):
        key = repr((builder, sorted(given.items())))
        return lively(kept(key, lambda: builder(**given)), next(seeds))

    return build


@pytest.fixture
def no_values():
    """Networks have shapes only: for what fails before a value is read."""
    with keras.StatelessScope(initialize_variables=False):
        yield


@pytest.fixture(scope="session")
def images():
    """A function from a shape `(height, width, channels)` to four random images.

    Each is noise of another colour: noise alone is the same to a deep network, whichever it is.
    """

    def draw(height, width, channels):
        rng = np.random.default_rng(2)
        noise = rng.standard_normal((4, height, width, channels))
        return (noise + 2 * rng.standard_normal((4, 1, 1, channels))).astype("float32")

    return draw


@pytest.fixture
def agree(record_property):
    """A function that compares a model's outputs with a peer's.

    The largest error counts as a share of how far the images differ, less than the outputs' size.
    `of`, the library, the network and `"read"` or `"written"`, is its place in the table that
    `python -m tests.weights.matrix` makes.
    """

    def compare(model, x, expected, tolerance=1e-4, of=None):
        expected = keras.ops.convert_to_numpy(expected)
        actual = keras.ops.convert_to_numpy(model(x, training=False))
        assert actual.shape == expected.shape
        scale = abs(expected - expected.mean(0)).max()
        assert scale > 0.1 * abs(expected).max() > 0.01
        error = abs(actual - expected).max() / scale
        if of:
            record_property("agrees", [*of, float(error)])
        assert error < tolerance

    return compare
