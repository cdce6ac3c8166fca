"""Files of NumPy that the early ports of Caffe's networks to TensorFlow have."""

import functools
import os
import pickle
import textwrap

import keras
import numpy as np
import pytest

from keras_classics import weights
from keras_classics.applications import VGG, AlexNet, alexnet, vgg
from tests import small

numpy = keras.ops.convert_to_numpy
TOP = {"classes": 5, "classifier_activation": None}
NETWORKS = {"alexnet": "AlexNet", "vgg": "VGG"}
UNITS = 64
ALEXNET = functools.partial(AlexNet, convention="caffe", input_shape=(131, 99, 3), **TOP)
VGG16 = functools.partial(VGG, "D", input_shape=(64, 96, 3), **TOP)


@pytest.fixture(autouse=True)
def thin(monkeypatch):
    """Few units, and for VGG an eighth of the maps."""
    monkeypatch.setattr(alexnet, "UNITS", UNITS)
    monkeypatch.setattr(vgg, "UNITS", UNITS)
    monkeypatch.setitem(vgg.CONFIGURATIONS, "D", small.narrow(vgg.CONFIGURATIONS["D"]))


def ported(net, maps):
    """The layers of a network of Caffe as TensorFlow has them: `{layer: [weights, biases]}`.

    `maps` are those that fc6 flattens, `(channels, height, width)`, in this order in Caffe.
    """
    found = {}
    for name, (_, blobs, _) in net.layers.items():
        if blobs:
            kernel, bias = blobs
            if kernel.ndim == 4:
                kernel = kernel.transpose(2, 3, 1, 0)
            elif name == "fc6":
                kernel = kernel.reshape(-1, *maps).transpose(2, 3, 1, 0).reshape(-1, len(kernel))
            else:
                kernel = kernel.T
            found[name] = [np.ascontiguousarray(kernel), bias]
    return found


def network(kind, peers, images):
    """The layers of a port, its network here, images, and what Caffe's network computes."""
    net = peers.Caffe()
    if kind == "alexnet":
        x = images(131, 99, 3)
        expected = net(peers.alexnet, x, 5, True, UNITS)
        return ported(net, (256, 3, 2)), ALEXNET, x, expected
    x = images(64, 96, 3)
    expected = net(peers.vgg, x, 5, (2, 2, 3, 3, 3), 8, UNITS)
    return ported(net, (64, 2, 3)), VGG16, x, expected


def as_pairs(layers):
    return layers


def as_dictionaries(layers):
    return {k: {"weights": w, "biases": b} for k, (w, b) in layers.items()}


@pytest.mark.parametrize(
    ("kind", "form", "protocol"),
    [("alexnet", as_pairs, 2), ("vgg", as_pairs, 4), ("vgg", as_dictionaries, 3)],
)
def test_a_pickled_dictionary(kind, form, protocol, peers, tmp_path, images, agree):
    """It is not opened. The lines of the error, as they are, make a file that is taken."""
    layers, build, x, expected = network(kind, peers, images)
    path = tmp_path / f"{kind}.npy"
    with path.open("wb") as stream:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(stream, header)
        pickle.dump(np.array(form(layers)), stream, protocol)
    again = np.load(path, allow_pickle=True).item()  # it is what NumPy writes
    assert again.keys() == layers.keys()
    with pytest.raises(ValueError, match="call nothing else; take the new file") as error:
        weights.load(build(), path)
    exec(textwrap.dedent(str(error.value).split("\n\n", 1)[1]), {})
    model = weights.load(build(), path.with_suffix(".npz"))
    agree(model, x, expected, of=("tensorflow", NETWORKS[kind], "read"))


class Calls:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.system, eval])
def test_the_lines_call_nothing_else(function, tmp_path):
    path, marker = tmp_path / "hostile.npy", tmp_path / "marker"
    argument = f"touch {marker}" if function is os.system else f"open({str(marker)!r}, 'w')"
    thing = Calls(function, (argument,))
    np.save(path, np.array({"conv1": [thing, np.ones(3)]}, object), allow_pickle=True)
    with pytest.raises(ValueError, match="which could run code") as error:
        weights.read(path)
    with pytest.raises(pickle.UnpicklingError, match="is no array"):
        exec(textwrap.dedent(str(error.value).split("\n\n", 1)[1]), {})
    assert not marker.exists()
    assert not path.with_suffix(".npz").exists()


@pytest.mark.parametrize("order", ["BGR", "RGB"])
def test_vgg16_weights(order, peers, tmp_path, images, agree):
    """By `conv1_1_W` and `conv1_1_b`, which do not say the order of the channels."""
    layers, build, x, expected = network("vgg", peers, images)
    if order == "RGB":
        layers["conv1_1"][0] = layers["conv1_1"][0][:, :, ::-1]
    named = {f"{k}_W": w for k, (w, _) in layers.items()} | {
        f"{k}_b": b for k, (_, b) in layers.items()
    }
    np.savez(tmp_path / "vgg16_weights.npz", **named)
    model = build()
    with pytest.raises(ValueError, match='vgg16_weights.npz, .*say channels="BGR" or channels="R'):
        weights.load(model, tmp_path / "vgg16_weights.npz")
    weights.load(model, tmp_path / "vgg16_weights.npz", channels=order)
    agree(model, x, expected, of=("frossard", "VGG", "read"))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (functools.partial(ALEXNET, convention="paper"), "build it with convention='caffe'"),
        (functools.partial(ALEXNET, lrn=False), "build it with convention='caffe'"),
        (functools.partial(ALEXNET, towers=1), r"conv2/kernel \(5, 5, 96, 256\) here: .*48, 256"),
        (VGG16, r"conv1_1/kernel .* here: conv1_1/weights missing there|none of the names"),
    ],
)
def test_another_network(build, reason, peers, tmp_path, images, no_values):
    layers, *_ = network("alexnet", peers, images)
    named = {f"{k}/weights": w for k, (w, _) in layers.items()}
    named |= {f"{k}/biases": b for k, (_, b) in layers.items()}
    np.savez(tmp_path / "a.npz", **named)
    with pytest.raises(ValueError, match=reason):
        weights.load(build(), tmp_path / "a.npz")


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_file_comes_back(kind, peers, tmp_path, images, agree):
    """The same names, shapes and numbers; by the names of the port, and of its layers' lists."""
    layers, build, x, expected = network(kind, peers, images)
    named = {f"{k}/weights": w for k, (w, _) in layers.items()}
    named |= {f"{k}/biases": b for k, (_, b) in layers.items()}
    np.savez(tmp_path / "theirs.npz", **named)
    model = weights.load(build(), tmp_path / "theirs.npz")
    weights.save(model, tmp_path / "ours.npz", convention="tensorflow")
    ours = dict(np.load(tmp_path / "ours.npz"))
    assert ours.keys() == named.keys()
    for name, array in named.items():
        np.testing.assert_array_equal(ours[name], array, strict=True)
    agree(model, x, expected, of=("tensorflow", NETWORKS[kind], "written"))
