"""Damaged files, and another network's, by the names of each library: the model stays as it was.

`test_files.py` has the formats themselves; here are whole networks, by the names that are new to a
reader: what a library writes is written by `weights.save`, of which `test_matrix.py` knows that the
library takes it.
"""

import functools

import keras
import numpy as np
import pytest

from keras_classics import weights
from keras_classics.applications import VGG, LeNet5, ResNet18, ResNetCIFAR, ViT, resnet, vgg, vit

numpy = keras.ops.convert_to_numpy
SMALL = {"input_shape": (32, 32, 3), "classes": 3}
VIT = functools.partial(ViT, "Mini/16", activation="gelu", epsilon=1e-12, **SMALL)
RESNET = functools.partial(ResNet18, **SMALL)
CIFAR = functools.partial(ResNetCIFAR, 8, shortcut="B", **SMALL)
VGG_A = functools.partial(VGG, "A", **SMALL)

# The convention, the ending of the file, and the network.
FILES = {
    "transformers": ("transformers", ".safetensors", VIT),
    "transformers, pickle": ("transformers", ".bin", VIT),
    "transformers, ResNet": ("transformers", ".safetensors", RESNET),
    "float8": ("timm", ".float8", VIT),
    "bfloat16": ("timm", ".bfloat16", VIT),
    "kerashub": ("kerashub", ".h5", VIT),
    "kerashub, VGG": ("kerashub", ".h5", VGG_A),
    "chenyaofo": ("chenyaofo", ".safetensors", CIFAR),
    "tensorflow": ("tensorflow", ".npz", VGG_A),
}
every_file = pytest.mark.parametrize("name", FILES)


@pytest.fixture(autouse=True)
def thin(monkeypatch):
    monkeypatch.setitem(vit.SIZES, "Mini", (6, 2, 8, 2))
    monkeypatch.setattr(resnet, "WIDTHS", (4, 5, 6, 7))
    monkeypatch.setattr(resnet, "CIFAR_WIDTHS", (4, 5, 6))
    monkeypatch.setitem(resnet.BLOCKS, 18, ("basic", (1, 1, 1, 1)))
    monkeypatch.setattr(vgg, "UNITS", 6)
    monkeypatch.setitem(vgg.CONFIGURATIONS, "A", [[(3, 2)]] * 4 + [[(3, 4)]])


@pytest.fixture
def written(tmp_path, lively):
    """A function from a name of `FILES` to the path of its file, and the model that it is of."""

    def write(name):
        convention, suffix, build = FILES[name]
        model, path = lively(build()), tmp_path / f"theirs{suffix}"
        if suffix in (".float8", ".bfloat16", ".bin"):
            torch = pytest.importorskip("torch", reason="needs PyTorch, to write it")
            library = pytest.importorskip("safetensors.torch", reason="needs safetensors")
            weights.save(model, tmp_path / "names.npz", convention=convention)
            kinds = {".float8": torch.float8_e5m2, ".bfloat16": torch.bfloat16}
            kind = kinds.get(suffix, torch.float32)
            tensors = {
                k: torch.tensor(v).to(kind) for k, v in np.load(tmp_path / "names.npz").items()
            }
            torch.save(tensors, path) if suffix == ".bin" else library.save_file(tensors, path)
        else:
            weights.save(model, path, convention=convention)
        return path, model

    return write


def values(model):
    return [numpy(weight).copy() for weight in model.weights]


def load(name, model, path):
    """As a user does who knows that KerasHub is for RGB."""
    return weights.load(model, path, convention=FILES[name][0])


@every_file
def test_it_is_loaded(name, written):
    path, model = written(name)
    again = load(name, FILES[name][2](), path)
    rough = {"float8": 0.15, "bfloat16": 0.005}.get(name, 0)
    for ours, theirs in zip(values(again), values(model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rough, atol=rough * 1e-3)


@every_file
def test_truncated(name, written, lively):
    path, model = written(name)
    content = path.read_bytes()
    before = values(lively(model, seed=5))
    for length in (0, 7, 99, len(content) // 3, len(content) - 9, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="theirs") as error:
            load(name, model, path)
    if path.suffix == ".safetensors":
        error.match(r"is damaged \(SafetensorError: .+\). Download or save it again\.$")
    for value, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(value, numpy(weight))


@every_file
def test_one_byte_is_another(name, written, lively):
    """An error with the model as it was; or one number is another, which no format's names show."""
    path, model = written(name)
    content, right = path.read_bytes(), values(load(name, model, path))
    before = values(lively(model, seed=5))
    for position in range(3, len(content), 1 + len(content) // 12):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        expected, allowed, said = right, 1, "theirs"
        try:
            load(name, model, path)
        except ValueError as error:
            expected, allowed, said = before, 0, str(error)
        assert "theirs" in said, position
        pairs = list(zip(values(model), expected, strict=True))
        assert sum((ours != theirs).sum() for ours, theirs in pairs) <= allowed, position
        for weight, value in zip(model.weights, before, strict=True):
            weight.assign(value)


@every_file
def test_another_networks(name, written, monkeypatch, lively):
    """A deeper one by the same names, and one by others."""
    path, _ = written(name)
    monkeypatch.setitem(vit.SIZES, "Mini", (6, 3, 8, 2))
    monkeypatch.setitem(resnet.BLOCKS, 18, ("basic", (1, 1, 1, 2)))
    monkeypatch.setitem(vgg.CONFIGURATIONS, "A", [[(3, 2)]] * 4 + [[(3, 4)] * 2])
    deeper = {CIFAR: functools.partial(CIFAR.func, 14, **CIFAR.keywords)}
    build = FILES[name][2]
    for other in (deeper.get(build, build), LeNet5):
        model = lively(other())
        before = values(model)
        with pytest.raises(ValueError, match="does not fit|none of the names|of another network"):
            weights.load(model, path)
        assert all(np.array_equal(a, b) for a, b in zip(before, values(model), strict=True))
