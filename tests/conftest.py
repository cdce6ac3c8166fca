"""What all tests share: quiet backends, a fixed seed, the place of the data sets, gradients."""

import gzip
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from keras_classics import backend

ROOT = pathlib.Path(__file__).resolve().parents[1]


def pytest_configure(config):
    # Deprecations of other packages are theirs to mend; ours fail. The later line wins.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")
    config.addinivalue_line("filterwarnings", r"error::DeprecationWarning:keras_classics\b")


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1998)


@pytest.fixture
def data_dir():
    """A function from the name of a data set to its folder; skips where that is absent."""
    default = ROOT.parent / "shared" / "data"
    parent = pathlib.Path(os.environ.get("KERAS_CLASSICS_TEST_DATA", default))

    def locate(name):
        folder = parent / name
        if not folder.is_dir():
            pytest.skip(f"needs the data set {name!r} in {parent} (KERAS_CLASSICS_TEST_DATA)")
        return folder

    return locate


@pytest.fixture
def gradients():
    """A function from a built layer and inputs to the gradients along inputs and weights.

    Differentiates a sum of the outputs with uneven coefficients: with equal ones, gradients
    that should differ could cancel.
    """

    def differentiate(layer, inputs):
        weights = [keras.ops.convert_to_numpy(v) for v in layer.trainable_variables]
        outputs = keras.ops.convert_to_numpy(layer(inputs))
        uneven = np.linspace(0.5, 1.5, outputs.size, dtype="float32").reshape(outputs.shape)
        uneven = keras.ops.convert_to_tensor(uneven)

        def total(tensors):
            fixed = [v.value for v in layer.non_trainable_variables]
            result, _ = layer.stateless_call(tensors[1:], fixed, tensors[0])
            return keras.ops.sum(result * uneven)

        return [keras.ops.convert_to_numpy(g) for g in backend.gradient(total, [inputs, *weights])]

    return differentiate


@pytest.fixture
def mnist(tmp_path):
    """A folder with MNIST's four files, of 12 and 7 images of noise."""
    rng = np.random.default_rng(0)
    for prefix, n in [("train", 12), ("t10k", 7)]:
        images, labels = rng.integers(0, 256, (n, 28, 28)), np.arange(n) % 10
        for name, array in [("images-idx3", images), ("labels-idx1", labels)]:
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            content = gzip.compress(header + array.astype("uint8").tobytes())
            (tmp_path / f"{prefix}-{name}-ubyte.gz").write_bytes(content)
    return tmp_path
