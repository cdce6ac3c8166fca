"""KerasHub: its presets, folders of several files, and what it computes with ours."""

import functools
import json

import keras
import numpy as np
import pytest

from keras_classics import weights
from keras_classics.applications import VGG11, ResNet18, ResNet50, ViT, resnet, vgg, vit
from tests import small

numpy = keras.ops.convert_to_numpy
TOP = {"classes": 5, "classifier_activation": None}
SHAPE = (64, 96, 3)
V15 = functools.partial(ResNet50, stride_in="3x3")
MINI = functools.partial(ViT, "Mini/16", activation="gelu")


@pytest.fixture(autouse=True)
def thin(monkeypatch):
    monkeypatch.setitem(vit.SIZES, "Mini", (24, 2, 40, 3))
    monkeypatch.setattr(resnet, "WIDTHS", (64, 20, 24, 28))
    monkeypatch.setitem(resnet.BLOCKS, 18, ("basic", (2, 1, 1, 1)))
    monkeypatch.setitem(resnet.BLOCKS, 50, ("bottleneck", (1, 1, 2, 1)))
    monkeypatch.setattr(vgg, "UNITS", 16)
    monkeypatch.setitem(vgg.CONFIGURATIONS, "A", small.narrow(vgg.CONFIGURATIONS["A"]))


@pytest.fixture
def hub():
    return pytest.importorskip("keras_hub", reason="needs KerasHub, to compare with")


def vgg_of(hub):
    widths = [column[0][1] for column in vgg.CONFIGURATIONS["A"]]
    backbone = hub.models.VGGBackbone([1, 1, 2, 2, 2], widths, image_shape=SHAPE)
    return hub.models.VGGImageClassifier(backbone, 5, pooling="flatten", pooling_hidden_dim=16)


def resnet_of(hub, depth):
    kind, counts = resnet.BLOCKS[depth]
    arguments = (list(resnet.WIDTHS), list(counts), [1, 2, 2, 2])
    names = {"basic": "basic_block", "bottleneck": "bottleneck_block"}
    backbone = hub.models.ResNetBackbone([64], [7], *arguments, names[kind], image_shape=SHAPE)
    return hub.models.ResNetImageClassifier(backbone, 5)


def vit_of(hub):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    backbone = hub.models.ViTBackbone(SHAPE, 16, depth, heads, d, mlp_dim)
    return hub.models.ViTImageClassifier(backbone, 5)


PEERS = {
    "VGG": (vgg_of, VGG11),
    "ResNet, basic": (functools.partial(resnet_of, depth=18), ResNet18),
    "ResNet, bottlenecks": (functools.partial(resnet_of, depth=50), V15),
    "ViT": (vit_of, MINI),
}
every_network = pytest.mark.parametrize("name", PEERS)


@every_network
def test_a_preset(name, hub, tmp_path, lively, images, agree):
    """The folder, whose head is in another file; and the order of the channels is said."""
    peer, builder = PEERS[name]
    theirs, x, path = lively(peer(hub)), images(*SHAPE), tmp_path / "preset"
    theirs.save_to_preset(str(path))
    model = builder(weights=path, input_shape=SHAPE, **TOP)
    agree(model, x, theirs(x), of=("kerashub", name.split(",")[0], "read"))
    body = builder(weights=path, input_shape=SHAPE, include_top=False)
    agree(body, x, theirs.backbone(x))
    assert len(weights.read(path)) == len(theirs.weights)


@every_network
def test_it_takes_ours(name, hub, tmp_path, lively, images, agree):
    """The classifier, and the backbone alone."""
    peer, builder = PEERS[name]
    theirs, x, path = lively(peer(hub)), images(*SHAPE), tmp_path / "ours.h5"
    model = lively(builder(input_shape=SHAPE, **TOP), seed=2)
    weights.save(model, path, convention="kerashub")
    theirs.load_weights(path)
    agree(model, x, theirs(x), of=("kerashub", name.split(",")[0], "written"))
    before = [numpy(weight).copy() for weight in model.weights]
    weights.load(lively(model, seed=3), path)
    for value, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(value, numpy(weight))
    body = lively(builder(input_shape=SHAPE, include_top=False), seed=4)
    weights.save(body, path, convention="kerashub")
    theirs.backbone.load_weights(path)
    agree(body, x, theirs.backbone(x))
    before = [numpy(weight).copy() for weight in body.weights]
    weights.load(lively(body, seed=5), path, convention="kerashub")
    for value, weight in zip(before, body.weights, strict=True):
        np.testing.assert_array_equal(value, numpy(weight))


def test_what_a_preset_says_of_its_epsilon(hub, tmp_path, caplog):
    path = tmp_path / "preset"
    theirs = vit_of(hub)
    theirs.save_to_preset(str(path))
    MINI(weights=path, input_shape=SHAPE, **TOP)
    assert "epsilon" not in caplog.text
    config = json.loads((path / "config.json").read_text())
    config["config"]["layer_norm_epsilon"] = 1e-5
    (path / "config.json").write_text(json.dumps(config))
    MINI(weights=path, input_shape=SHAPE, **TOP)
    assert "build it with epsilon=1e-05" in caplog.text


@pytest.mark.parametrize("damaged", ["model.weights.h5", "task.weights.h5", "config.json"])
def test_a_damaged_preset(damaged, hub, tmp_path, lively):
    path = tmp_path / "preset"
    vgg_of(hub).save_to_preset(str(path))
    content = (path / damaged).read_bytes()
    (path / damaged).write_bytes(content[: len(content) // 2])
    model = lively(VGG11(input_shape=SHAPE, **TOP))
    before = [numpy(weight).copy() for weight in model.weights]
    with pytest.raises(ValueError, match=rf"{damaged}.* (damaged|cut off|cannot be read)"):
        weights.load(model, path)
    assert all(np.array_equal(a, numpy(b)) for a, b in zip(before, model.weights, strict=True))


def test_folders_without_weights(tmp_path):
    with pytest.raises(ValueError, match="is a folder without model.weights.h5, .* no file"):
        weights.read(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ValueError, match="Received: model.safetensors.index.json"):
        weights.read(tmp_path)
