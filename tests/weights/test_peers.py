"""Files of other libraries, by their names and layouts: our networks compute what theirs do.

The peers have random weights, and are not downloaded.
"""

import copy
import functools
import re

import keras
import numpy as np
import pytest

from keras_classics import weights
from keras_classics.applications import (
    VGG,
    VGG11,
    VGG13,
    VGG16,
    VGG19,
    AlexNet,
    GoogLeNet,
    LeNet5,
    PlainNet,
    PlainNetCIFAR,
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    ResNet101,
    ResNet152,
    ResNetCIFAR,
    ViT,
    vit,
)
from keras_classics.weights import loading

slow = pytest.mark.slow
numpy = keras.ops.convert_to_numpy
# Few classes, and for VGG maps of 2x3 before the first dense layer.
TOP = {"classes": 5, "classifier_activation": None}
WIDE = {"input_shape": (64, 96, 3), **TOP}


# keras.applications


def legacy_h5(model, path, names):
    """As Keras 1 and 2 wrote the published files; `names` is a table of older names."""
    h5py = pytest.importorskip("h5py", reason="needs h5py, which Keras's files take")
    with h5py.File(path, "w") as root:
        root.attrs["layer_names"] = np.array([layer.name for layer in model.layers], "S")
        root.attrs["keras_version"] = b"2.2.4"
        for layer in model.layers:
            group, found = root.create_group(layer.name), []
            for weight in layer.weights:
                name = weight.name
                for pattern, replacement in names.items():
                    name = re.sub(pattern, replacement, name)
                found.append(name.format(layer=layer.name))
                group[found[-1]] = numpy(weight)
            group.attrs["weight_names"] = np.array(found, "S")
    return path


NEW_NAMES = {"^": "{layer}/", "$": ":0"}
OLD_NAMES = {"^": "{layer}_", "kernel": "W_1", "bias": "b_1", "$": ":0"}


@pytest.mark.parametrize(
    ("name", "builder", "suffix", "names"),
    [
        ("VGG16", VGG16, ".h5", OLD_NAMES),
        ("VGG16", VGG16, ".weights.h5", None),
        ("VGG19", VGG19, ".h5", NEW_NAMES),
        ("VGG19", VGG19, ".keras", None),
        ("ResNet50", ResNet50, ".h5", NEW_NAMES),
        ("ResNet50", ResNet50, ".weights.h5", None),
        ("ResNet50", ResNet50, ".keras", None),
        pytest.param("ResNet152", ResNet152, ".keras", None, marks=slow),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keras_applications(name, builder, suffix, names, tmp_path, built, images, agree):
    theirs = built(getattr(keras.applications, name), weights=None, **WIDE)
    x, path = images(64, 96, 3), tmp_path / f"theirs{suffix}"
    expected = numpy(theirs(x[..., ::-1], training=False))
    if names:
        legacy_h5(theirs, path, names)
    elif suffix == ".keras":
        theirs.save(path)
    else:
        theirs.save_weights(path)
    of = ("keras", name.rstrip("0123456789"), "read")
    agree(weights.load(built(builder, **WIDE), path), x, expected, of=of)


def test_epsilon_is_that_of_keras_applications(tmp_path, built, images, agree):
    """At variances so small that the 0.1 % between both epsilons shows."""
    theirs = built(keras.applications.ResNet50, weights=None, **WIDE)
    for weight in theirs.weights:
        if weight.name == "moving_variance":
            weight.assign(numpy(weight) * 1e-7)
        elif weight.name == "gamma":
            weight.assign(numpy(weight) * 3e-3)
    x, path = images(64, 96, 3), tmp_path / "theirs.weights.h5"
    theirs.save_weights(path)
    expected = numpy(theirs(x[..., ::-1], training=False))
    agree(weights.load(built(ResNet50, **WIDE), path), x, expected)


# KerasHub


def hub_vgg(hub, pooling, shape):
    backbone = hub.models.VGGBackbone([1, 1, 2, 2, 2], [64, 128, 256, 512, 512], image_shape=shape)
    return hub.models.VGGImageClassifier(backbone, 5, pooling=pooling)


def hub_resnet(hub, depth, shape):
    kind, counts = {
        18: ("basic_block", [2, 2, 2, 2]),
        50: ("bottleneck_block", [3, 4, 6, 3]),
    }[depth]
    backbone = hub.models.ResNetBackbone(
        [64], [7], [64, 128, 256, 512], counts, [1, 2, 2, 2], kind, image_shape=shape
    )
    return hub.models.ResNetImageClassifier(backbone, 5)


def hub_vit(hub, shape):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    backbone = hub.models.ViTBackbone(shape, 8, depth, heads, d, mlp_dim)
    return hub.models.ViTImageClassifier(backbone, 5)


V15 = {"stride_in": "3x3"}
GELU = {"activation": "gelu"}
HUB = [
    ("flatten", functools.partial(hub_vgg, pooling="flatten"), VGG11, {}, (64, 96, 3)),
    ("resnet18", functools.partial(hub_resnet, depth=18), ResNet18, {}, (64, 96, 3)),
    ("resnet50", functools.partial(hub_resnet, depth=50), ResNet50, V15, (64, 96, 3)),
    ("vit", hub_vit, functools.partial(ViT, "Mini/8"), GELU, (40, 56, 3)),
    pytest.param(
        "avg",
        functools.partial(hub_vgg, pooling="avg"),
        VGG11,
        {},
        (224, 224, 3),
        marks=slow,
    ),
]


@pytest.mark.parametrize(
    ("name", "peer", "builder", "given", "shape"),
    HUB,
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_keras_hub(name, peer, builder, given, shape, tmp_path, lively, images, agree):
    """A whole classifier, and its backbone's file into a network without its top."""
    hub = pytest.importorskip("keras_hub", reason="needs KerasHub, to compare with")
    theirs, x = lively(peer(hub, shape=shape)), images(*shape)
    task, backbone = tmp_path / "task.weights.h5", tmp_path / "model.weights.h5"
    theirs.save_weights(task)
    agree(builder(weights=task, input_shape=shape, **TOP, **given), x, theirs(x))
    model = builder(input_shape=shape, include_top=False, **given)
    theirs.backbone.save_weights(backbone)
    # A backbone of VGG could be of keras.applications, too.
    weights.load(model, backbone, channels="RGB" if builder is VGG11 else None)
    agree(model, x, theirs.backbone(x))


# torchvision


def torchvisions(peers, kept, name, **arguments):
    """A network of torchvision; a VGG for images of 64x96."""
    nn, models = peers.torch.nn, peers.library("torchvision").models

    def network():
        twin = getattr(models, name)(num_classes=5, **arguments)
        if name.startswith("vgg"):
            twin.avgpool, twin.classifier[0] = nn.Identity(), nn.Linear(512 * 2 * 3, 4096)
        return twin

    return kept(f"torchvision {name}", lambda: peers.build(network))


TORCHVISION = [
    ("vgg11", VGG11, {}, ".pth", ""),
    ("vgg13", VGG13, {}, ".safetensors", ""),
    ("vgg16", VGG16, {}, ".pth", "legacy"),
    ("vgg19", VGG19, {}, ".pth", ""),
    ("resnet18", ResNet18, {}, ".pth", ""),
    ("resnet34", ResNet34, {}, ".safetensors", ""),
    ("resnet50", ResNet50, V15, ".pth", "legacy"),
]


@pytest.mark.parametrize(("name", "builder", "given", "suffix", "form"), TORCHVISION)
def test_torchvision(
    name, builder, given, suffix, form, peers, kept, built, tmp_path, images, agree
):
    twin = torchvisions(peers, kept, name)
    path = peers.write(twin.state_dict(), tmp_path / f"theirs{suffix}", form)
    x = images(64, 96, 3)
    of = ("torchvision", "VGG" if "vgg" in name else "ResNet", "read")
    model = weights.load(built(builder, **WIDE, **given), path)
    agree(model, x, peers.outputs(twin, x), of=of)


MINI_8 = functools.partial(ViT, "Mini/8")


def torchvision_vit(peers, hidden=None):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    network = peers.library("torchvision").models.VisionTransformer
    arguments = {"num_classes": 5, "representation_size": hidden}
    return peers.build(network, 40, 8, depth, heads, d, mlp_dim, **arguments)


MINI = {"input_shape": (40, 40, 3), **TOP}


@pytest.mark.parametrize(
    ("hidden", "names"), [(None, {}), (11, {"0": "linear_1", "3": "linear_2"})]
)
def test_torchvisions_vit(hidden, names, peers, tmp_path, images, agree):
    """Also by the names of the released files."""
    twin, x = torchvision_vit(peers, hidden), images(40, 40, 3)
    state = twin.state_dict()
    for new, old in names.items():
        state = {k.replace(f".mlp.{new}.", f".mlp.{old}."): v for k, v in state.items()}
        assert any(f".mlp.{old}.weight" in k for k in state)
    path = peers.write(state, tmp_path / "theirs.pth")
    model = ViT("Mini/8", weights=path, representation_size=hidden, **MINI, **GELU)
    agree(model, x, peers.outputs(twin, x), of=("torchvision", "ViT", "read"))


@pytest.mark.parametrize(
    ("name", "builder", "given", "reason"),
    [
        ("alexnet", AlexNet, {}, "One weird trick.*64, 192, 384, 256 and 256 maps in one tower"),
        (
            "googlenet",
            GoogLeNet,
            {},
            "batch normalization, no local response.*where the paper has 5x5",
        ),
        ("resnet50", ResNet50, {}, "in the 3x3 convolutions.*build it with stride_in='3x3'"),
        (
            "resnet18",
            functools.partial(PlainNet, 18),
            {},
            "it has shortcuts, and this network is plain",
        ),
        (
            "resnet18",
            functools.partial(ResNet, 18),
            {"convention": "caffe"},
            "build it with convention='paper'",
        ),
    ],
)
def test_what_is_another_network_in_torchvision(
    name, builder, given, reason, peers, kept, tmp_path, no_values
):
    arguments = {"init_weights": False} if name == "googlenet" else {}
    twin = torchvisions(peers, kept, name, **arguments)
    path = peers.write(twin.state_dict(), tmp_path / "theirs.safetensors")
    with pytest.raises(ValueError, match=reason):
        builder(weights=path, classes=5, **given)


def test_the_form_of_gelu_must_be_theirs(peers, tmp_path):
    path = peers.write(torchvision_vit(peers).state_dict(), tmp_path / "theirs.pth")
    with pytest.raises(ValueError, match='its activation is "gelu".*activation="gelu"'):
        ViT("Mini/8", weights=path, **MINI)


# timm


def timm_vgg(peers):
    """With a first dense layer, there a convolution, for maps of 2x2."""
    timm = peers.library("timm.models.vgg")

    def network():
        twin = timm.vgg11(num_classes=5)
        twin.pre_logits = timm.ConvMlp(512, 4096, 2)
        return twin

    return peers.build(network)


def timm_vit(peers):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    timm = peers.library("timm.models.vision_transformer")
    arguments = {"embed_dim": d, "depth": depth, "num_heads": heads, "mlp_ratio": mlp_dim / d}
    return peers.build(timm.VisionTransformer, 40, 8, num_classes=5, **arguments)


def timm_resnet(peers, name):
    return peers.build(getattr(peers.library("timm.models.resnet"), name), num_classes=5)


def wrapped(state):
    """As a training program writes it: within another dictionary, and trained on several GPUs."""
    return {"epoch": 90, "state_dict": {f"module.{k}": v for k, v in state.items()}}


TIMM = [
    ("vgg11", timm_vgg, VGG11, {}, 64),
    (
        "resnet18",
        functools.partial(timm_resnet, name="resnet18"),
        ResNet18,
        {},
        64,
    ),
    (
        "resnet50",
        functools.partial(timm_resnet, name="resnet50"),
        ResNet50,
        V15,
        64,
    ),
    ("vit", timm_vit, functools.partial(ViT, "Mini/8"), GELU, 40),
]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(("name", "peer", "builder", "given", "side"), TIMM)
def test_timm(
    name, peer, builder, given, side, suffix, peers, kept, built, tmp_path, images, agree
):
    twin, x = kept(f"timm {name}", lambda: peer(peers)), images(side, side, 3)
    state = twin.state_dict() if suffix == ".safetensors" else wrapped(twin.state_dict())
    path = peers.write(state, tmp_path / f"theirs{suffix}")
    model = weights.load(built(builder, input_shape=x.shape[1:], **TOP, **given), path)
    networks = {"vgg11": "VGG", "vit": "ViT"}
    agree(model, x, peers.outputs(twin, x), of=("timm", networks.get(name, "ResNet"), "read"))


def timm_network(peers, **given):
    """A Vision Transformer of timm, as small as `small` makes ours."""
    d, depth, mlp_dim, heads = vit.SIZES["Ti"]
    timm = peers.library("timm.models.vision_transformer")
    arguments = {"embed_dim": d, "depth": depth, "num_heads": heads, "mlp_ratio": mlp_dim / d}
    arguments |= {"img_size": 64, "patch_size": 16, "num_classes": 5}
    return peers.build(timm.VisionTransformer, **arguments | given)


TI_16 = functools.partial(ViT, "Ti/16", activation="gelu", input_shape=(64, 64, 3))


@pytest.mark.parametrize("key", [None, "model", "teacher"])
def test_a_backbone_of_timm(key, small, peers, tmp_path, images, agree, caplog):
    """As DINO, MAE and their like are published: without a head, and within a dictionary."""
    twin, x = timm_network(peers, num_classes=0, global_pool=""), images(64, 64, 3)
    state = twin.state_dict()
    if key == "teacher":  # as DINO's programs write it, with the projection of its loss
        other = timm_network(peers, num_classes=0).state_dict()
        state = {f"backbone.{k}": v for k, v in state.items()}
        state |= {
            "head.mlp.0.weight": peers.torch.ones(9, 24),
            "head.mlp.0.bias": peers.torch.ones(9),
        }
        state = {"student": {f"module.backbone.{k}": v for k, v in other.items()}, key: state}
    path = peers.write({key: state} if key == "model" else state, tmp_path / "theirs.pth")
    asks = {"key": key, "adapt": True} if key == "teacher" else {}
    model = weights.load(TI_16(include_top=False), path, **asks)
    agree(model, x, peers.outputs(twin, x))
    head = TI_16(classes=7)
    weights.load(head, path, **{**asks, "adapt": True})
    assert "predictions stays as it is: the file is without" in caplog.text
    same({k: v for k, v in values(head).items() if "predictions" not in k}, values(model))


def test_timms_network_without_class_token(small, peers, tmp_path, images, agree):
    given = {"class_token": False, "global_pool": "avg", "fc_norm": False}
    twin, x = timm_network(peers, **given), images(64, 64, 3)
    path = peers.write(twin.state_dict(), tmp_path / "theirs.safetensors")
    model = TI_16(pooling="avg", weights=path, **TOP)
    agree(model, x, peers.outputs(twin, x))


@pytest.mark.parametrize(
    ("given", "ours", "reason"),
    [
        ({"global_pool": "avg"}, {}, "normalizes the mean of the patches .global_pool='avg'"),
        ({}, {"pooling": "avg"}, 'it has a class token: build it without pooling="avg"'),
        ({"init_values": 0.1}, {}, "nothing here: blocks.0.ls1.gamma"),
        ({"reg_tokens": 2}, {}, "nothing here: reg_token"),
        ({"pre_norm": True}, {}, "nothing here: norm_pre.weight"),
        ({"qkv_bias": False}, {}, "blocks.0.attn.qkv.bias missing there"),
    ],
)
def test_what_is_another_network_in_timm(given, ours, reason, small, peers, tmp_path, no_values):
    twin = timm_network(peers, **given)
    path = peers.write(twin.state_dict(), tmp_path / "theirs.safetensors")
    with pytest.raises(ValueError, match=reason):
        TI_16(weights=path, classes=5, **ours)


def test_distilled_deit_is_another_network(small, peers, tmp_path, no_values):
    d, depth, mlp_dim, heads = vit.SIZES["Ti"]
    timm = peers.library("timm.models.deit")
    arguments = {"embed_dim": d, "depth": depth, "num_heads": heads, "mlp_ratio": mlp_dim / d}
    twin = peers.build(timm.VisionTransformerDistilled, 64, num_classes=5, **arguments)
    path = peers.write({"model": twin.state_dict()}, tmp_path / "theirs.pth")
    with pytest.raises(ValueError, match="it has a distillation token beside the class token"):
        TI_16(weights=path, classes=5)


@pytest.mark.parametrize("variant", ["R50+Ti/16", "R26+Ti/32", "R+Ti/16"])
def test_timms_hybrids(variant, small, peers, tmp_path, images, agree):
    """Their kernels and norms have other epsilons, which these random values let show."""
    hybrid = peers.library("timm.models.vision_transformer_hybrid")
    name, _, patch = vit._parse(variant)
    on_maps = vit.HYBRID_PATCHES.get(name, 1)

    def embed(**given):
        backbone = hybrid._resnetv2(vit.RESNETS[name][patch])
        return peers.library("timm.layers").HybridEmbed(backbone, **given)

    twin, x = timm_network(peers, patch_size=on_maps, embed_layer=embed), images(64, 64, 3)
    path = peers.write(twin.state_dict(), tmp_path / "theirs.safetensors")
    model = ViT(variant, activation="gelu", weights=path, input_shape=(64, 64, 3), **TOP)
    agree(model, x, peers.outputs(twin, x), 1e-3, of=("timm", "ViT, hybrids", "read"))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_types_of_numbers(dtype, suffix, peers, built, tmp_path, images, agree):
    """The model computes with the rounded weights, in float32."""
    twin, x = timm_vit(peers), images(40, 40, 3)
    twin = twin.to(getattr(peers.torch, dtype))
    path = peers.write(twin.state_dict(), tmp_path / f"theirs{suffix}")
    model = weights.load(built(MINI_8, **MINI, **GELU), path)
    assert {w.dtype for w in model.weights if "seed" not in w.path} == {"float32"}
    agree(model, x, peers.outputs(twin.float(), x))


# akamaster/pytorch_resnet_cifar10


@pytest.mark.parametrize("depth", [20, 32])
def test_akamaster(depth, peers, tmp_path, images, agree):
    """Whose zero maps of shortcut A stand before the others as well as behind them."""
    twin, x = peers.lively(peers.Akamaster(depth)), images(32, 32, 3)
    state = wrapped(twin.state_dict())
    state["state_dict"] = {
        k: v for k, v in state["state_dict"].items() if not k.endswith("num_batches_tracked")
    }
    path = peers.write({**state, "best_prec1": 91.7}, tmp_path / "resnet.th", "legacy")
    model = ResNetCIFAR(depth, weights=path, classifier_activation=None)
    agree(model, x, peers.outputs(twin, x), of=("akamaster", "ResNetCIFAR", "read"))
    maps = ResNetCIFAR(
        depth, weights=path, include_top=False
    )  # without it, names are torchvision's
    same(values(maps), values(model))


# chenyaofo/pytorch-cifar-models, and akamaster's option B

PROJECTING = functools.partial(ResNetCIFAR, shortcut="B", classifier_activation=None)


@pytest.mark.parametrize("names", [{}, {"shortcut": "shortcut", "head": "linear"}])
@pytest.mark.parametrize("depth", [8, 20])
def test_projections_for_cifar(depth, names, peers, tmp_path, images, agree):
    twin, x = peers.lively(peers.Projecting(depth, 5, **names)), images(32, 32, 3)
    path = peers.write(twin.state_dict(), tmp_path / "cifar.pt")
    model = PROJECTING(depth, weights=path, classes=5)
    agree(model, x, peers.outputs(twin, x), of=("chenyaofo", "ResNetCIFAR", "read"))
    same(values(PROJECTING(depth, weights=path, include_top=False)), values(model))


def test_which_projections(peers, twins, tmp_path, no_values):
    """The error says which network to build, for every mismatch of the two."""
    b = peers.write(peers.Projecting(8).state_dict(), tmp_path / "b.pt")
    a = peers.write(peers.Akamaster(8).state_dict(), tmp_path / "a.pt")
    for builder, path, reason in [
        (ResNetCIFAR, b, 'projections where the maps change: build it with shortcut="B"'),
        (functools.partial(ResNetCIFAR, shortcut="C"), b, 'build it with shortcut="B"'),
        (PlainNetCIFAR, b, 'build ResNetCIFAR with shortcut="B"'),
        (functools.partial(ResNetCIFAR, shortcut="B"), a, "downsample.0.weight missing there"),
    ]:
        with pytest.raises(ValueError, match=reason):
            builder(8, weights=path)
    with pytest.raises(ValueError, match=r"shortcut='A' \(given: 'B'\)"):
        ResNetCIFAR(20, shortcut="B", weights="cifar10")


# Caffe

CAFFE = {"convention": "caffe"}


@pytest.mark.parametrize(
    ("name", "builder", "given", "shape", "arguments", "form", "legacy"),
    [
        ("alexnet", AlexNet, {"convention": "caffe"}, (131, 99, 3), (), "V1", True),
        ("alexnet", AlexNet, {"convention": "caffe"}, (131, 99, 3), (), "V2", False),
        pytest.param(
            *("alexnet", AlexNet, {"convention": "caffe"}, (227, 227, 3), (), "V2", True),
            marks=slow,
        ),
        ("vgg", VGG16, {}, (64, 96, 3), (), "V1", True),
        ("vgg", VGG19, {}, (64, 96, 3), ((2, 2, 4, 4, 4),), "V2", True),
        ("resnet", ResNet50, CAFFE, (64, 96, 3), (50,), "V2", True),
        ("resnet", ResNet50, CAFFE, (90, 72, 3), (50,), "V2", False),
        pytest.param("resnet", ResNet101, CAFFE, (64, 96, 3), (101,), "V2", False, marks=slow),
    ],
)
def test_caffe(
    name, builder, given, shape, arguments, form, legacy, peers, built, tmp_path, images, agree
):
    net, x = peers.Caffe(), images(*shape)
    expected = net(getattr(peers, name), x, 5, *arguments)
    path = peers.caffemodel(net.layers, tmp_path / "theirs.caffemodel", form, legacy)
    model = weights.load(built(builder, input_shape=shape, **TOP, **given), path)
    networks = {"alexnet": "AlexNet", "vgg": "VGG", "resnet": "ResNet"}
    agree(model, x, expected, of=("caffe", networks[name], "read"))


@pytest.mark.parametrize(("form", "legacy"), [("V1", True), ("V2", False)])
@pytest.mark.parametrize("shape", [(128, 224, 3), pytest.param((224, 224, 3), marks=slow)])
def test_caffes_googlenet(shape, form, legacy, peers, built, tmp_path, images, agree, caplog):
    """Its file has the auxiliary classifiers, whether the model has or not."""
    net, x = peers.Caffe(), images(*shape)
    expected = net(peers.googlenet, x, 5)
    path = peers.caffemodel(net.layers, tmp_path / "theirs.caffemodel", form, legacy)
    model = weights.load(built(GoogLeNet, input_shape=shape, **TOP, **CAFFE), path)
    assert "auxiliary_4a_conv, auxiliary_4a_fc, auxiliary_4a, auxiliary_4d_conv" in caplog.text
    agree(model, x, expected["predictions"])
    model = built(GoogLeNet, auxiliary=True, input_shape=shape, **TOP, **CAFFE)
    weights.load(model, path)
    assert model.output.keys() == expected.keys()
    for name, values in expected.items():
        of = ("caffe", "GoogLeNet", "read")
        agree(keras.Model(model.input, model.output[name]), x, values, of=of)


@pytest.mark.parametrize(
    ("name", "builder", "given", "side", "arguments", "reason"),
    [
        (
            *("alexnet", AlexNet, {}, 67, ()),
            r"depth_radius, bias, alpha, beta and groups \(2, 1, 2e-05, 0.75, 1\), and "
            r"\(2, 2, 0.0001, 0.75, 1\) here",
        ),
        (
            *("alexnet", AlexNet, {"lrn": False}, 67, ()),
            "2 local response normalizations, and 0 here",
        ),
        (
            *("alexnet", AlexNet, {"convention": "caffe"}, 67, (False,)),
            r"its order is pool, LRN.*, and LRN, pool.* here \(as in the paper\)",
        ),
        (
            *("alexnet", AlexNet, {"convention": "caffe", "towers": 1}, 67, ()),
            "conv2 has the stride 1 and 2 groups there, and conv2 1 and 1 here",
        ),
        (
            *("vgg", functools.partial(VGG, "A-LRN"), {}, 32, ((1, 1, 2, 2, 2),)),
            "0 local response normalizations, and 1 here",
        ),
        ("googlenet", GoogLeNet, {}, 96, (), 'it pads as Caffe does: build .*convention="caffe"'),
        ("resnet", ResNet50, {}, 32, (50,), "first pooling has other padding.*convention='caffe'"),
        ("resnet", ResNet50, CAFFE | V15, 32, (50,), "build it with stride_in='1x1'"),
    ],
)
def test_what_is_another_network_in_caffe(
    name, builder, given, side, arguments, reason, peers, tmp_path, images, no_values
):
    net = peers.Caffe()
    net(getattr(peers, name), images(side, side, 3), 5, *arguments)
    path = peers.caffemodel(net.layers, tmp_path / "theirs.caffemodel")
    with pytest.raises(ValueError, match=reason):
        builder(weights=path, input_shape=(side, side, 3), classes=5, **given)


# vision_transformer and big_vision


@pytest.fixture
def small(monkeypatch):
    """The hybrids' ResNet with few blocks, and a few units and layers behind it."""
    monkeypatch.setitem(vit.SIZES, "Ti", (24, 3, 40, 3))
    monkeypatch.setitem(vit.RESNETS, "R50", {16: (2, 1, 1), 32: (1, 2, 1, 1)})
    monkeypatch.setitem(vit.RESNETS, "R26", {32: (1, 1, 2, 1)})


def released(peers, twins, path, variant, shape, hidden=None, big_vision=False, token=True):
    """A twin with random weights, and its file."""
    name, size, patch = vit._parse(variant)
    d, depth, mlp_dim, heads = vit.SIZES[size]
    grid = [side // patch for side in shape[:2]]
    blocks = vit.RESNETS[name][patch] if name else None
    on_maps = vit.HYBRID_PATCHES.get(name, 1)
    if on_maps > 1:
        grid = [side // (4 * on_maps) for side in shape[:2]]
    kernel = on_maps if name else patch
    arguments = ((d, depth, mlp_dim, heads), kernel, grid, 5, token, hidden, blocks)
    twin = peers.lively(twins.ViTTwin(*arguments))
    np.savez(path, **peers.released(twin, heads, big_vision))
    return twin


VIT = [
    ("Ti/16", None, False, True),
    ("Mini/8", 11, False, True),
    ("Mini/8", None, True, True),
    ("Mini/8", None, True, False),
]


@pytest.mark.parametrize(("variant", "hidden", "big_vision", "token"), VIT)
def test_vision_transformer(
    variant, hidden, big_vision, token, peers, twins, tmp_path, images, agree
):
    shape, path = (64, 80, 3), tmp_path / "theirs.npz"
    twin = released(peers, twins, path, variant, shape, hidden, big_vision, token)
    pooling = None if token else "avg"
    model = ViT(
        variant,
        weights=path,
        representation_size=hidden,
        pooling=pooling,
        input_shape=shape,
        **TOP,
    )
    of = ("big_vision" if big_vision else "vision_transformer", "ViT", "read")
    agree(model, images(*shape), peers.outputs(twin, images(*shape)), of=of)


@pytest.mark.parametrize(("prefix", "beside"), [("params/", "opt/mu"), ("opt/target/", "opt/step")])
def test_with_the_state_of_the_training(prefix, beside, peers, twins, tmp_path, images, agree):
    """Which Flax's programs save beside the weights."""
    shape, path = (40, 40, 3), tmp_path / "theirs.npz"
    twin = released(peers, twins, path, "Mini/8", shape)
    arrays = {prefix + name: array for name, array in np.load(path).items()}
    np.savez(path, **arrays, **{beside: np.ones(3)})
    model = ViT("Mini/8", weights=path, **MINI)
    agree(model, images(*shape), peers.outputs(twin, images(*shape)))


@pytest.mark.parametrize("variant", ["R50+Ti/16", "R50+Ti/32", "R26+Ti/32", "R+Ti/16"])
def test_hybrids(variant, small, peers, twins, tmp_path, images, agree):
    shape, path = (64, 96, 3), tmp_path / "theirs.npz"
    twin = released(peers, twins, path, variant, shape, 11)
    model = ViT(variant, weights=path, representation_size=11, input_shape=shape, **TOP)
    of = ("vision_transformer", "ViT, hybrids", "read")
    agree(model, images(*shape), peers.outputs(twin, images(*shape)), of=of)
    grey = ViT(variant, representation_size=11, input_shape=(64, 96, 1), **TOP)
    message = r"conv_root/kernel \(7, 7, 1, 64\) here: conv_root/kernel \(7, 7, 3, 64\) there"
    with pytest.raises(ValueError, match=message):  # it is standardized
        weights.load(grey, path, adapt=True)


def test_the_authors_have_the_other_form_of_gelu(peers, twins, tmp_path):
    released(peers, twins, tmp_path / "theirs.npz", "Mini/8", (40, 40, 3))
    with pytest.raises(ValueError, match='build it with activation="gelu_tanh"'):
        ViT("Mini/8", weights=tmp_path / "theirs.npz", **MINI, **GELU)


# Other classes, channels and patches


def values(model):
    return {weight.path: numpy(weight).copy() for weight in model.weights}


def same(ours, theirs, besides=()):
    """Whether two networks have the same values, but for some weights; in these they differ."""
    for path, value in ours.items():
        assert np.array_equal(value, theirs[path]) == (path not in besides), path


def torch_file(peers, path):
    twin = peers.build(peers.library("torchvision").models.resnet18, num_classes=5)
    return peers.write(twin.state_dict(), path / "resnet.pth"), ResNet18, {}


def caffe_file(peers, path):
    net = peers.Caffe()
    net(peers.vgg, np.zeros((1, 32, 32, 3), "float32"), 5, (1, 1, 2, 2, 2))
    return peers.caffemodel(net.layers, path / "vgg.caffemodel", "V1", True), VGG11, {}


def keras_file(peers, path):
    theirs = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), classes=5)
    theirs.save_weights(path / "vgg.weights.h5")
    return path / "vgg.weights.h5", VGG16, {}


def hub_file(peers, path):
    hub = pytest.importorskip("keras_hub", reason="needs KerasHub, to compare with")
    hub_vit(hub, (32, 32, 3)).save_weights(path / "vit.weights.h5")
    return path / "vit.weights.h5", functools.partial(ViT, "Mini/8"), GELU


def own_file(peers, path):
    ResNet18(input_shape=(32, 32, 3), classes=5).save_weights(path / "own.weights.h5")
    return path / "own.weights.h5", ResNet18, {}


FILES = [torch_file, caffe_file, keras_file, hub_file, own_file]


@pytest.fixture(scope="module")
def written(peers, tmp_path_factory):
    """A function from one of `FILES` to what it returns: it writes its file once."""
    folder, known = tmp_path_factory.mktemp("written"), {}

    def write(file):
        if file not in known:
            known[file] = file(peers, folder)
        return known[file]

    yield write
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("file", FILES)
def test_other_classes(file, written, built, caplog):
    """The output layer stays as it is, all others are loaded; and only by `adapt`."""
    path, builder, given = written(file)
    given = {"input_shape": (32, 32, 3), **given}
    model, whole = builder(classes=7, **given), built(builder, classes=5, **given)
    weights.load(whole, path)
    before = values(model)
    with pytest.raises(ValueError, match=r"predictions/kernel \(\d+, 7\) here: (?s:.*)adapt=True"):
        weights.load(model, path)
    same(values(model), before)
    weights.load(model, path, adapt=True)
    assert "predictions stays as it is, for 7 classes; the file has 5" in caplog.text
    after = values(model)
    same({k: v for k, v in after.items() if "predictions" in k}, before)
    same({k: v for k, v in after.items() if "predictions" not in k}, values(whole))
    if builder is ResNet18:  # a builder adapts, too
        adapted = values(builder(weights=path, classes=7, **given))
        same({k: v for k, v in adapted.items() if "predictions" not in k}, values(whole))


def test_other_classes_of_all_outputs(peers, tmp_path, images):
    net = peers.Caffe()
    net(peers.googlenet, images(80, 80, 3), 5)
    path = peers.caffemodel(net.layers, tmp_path / "theirs.caffemodel", legacy=True)
    given = {"auxiliary": True, "weights": path, "input_shape": (80, 80, 3), **CAFFE}
    ours, whole = GoogLeNet(classes=7, **given), GoogLeNet(classes=5, **given)
    heads = ("predictions", "auxiliary_4a", "auxiliary_4d")
    rest = {k: v for k, v in values(ours).items() if k.split("/")[0] not in heads}
    same(rest, values(whole))
    assert {k: v.shape[-1] for k, v in values(ours).items() if k not in rest} == {
        f"{head}/{weight}": 7 for head in heads for weight in ("kernel", "bias")
    }


# The share of each channel of theirs, R, G and B, in ours.
CHANNELS = {
    1: [[1, 1, 1]],
    2: [[1 / 2] * 3] * 2,
    4: [[1 / 2, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 2, 0, 0]],
    6: [[1 / 2, 0, 0], [0, 1 / 2, 0], [0, 0, 1 / 2]] * 2,
}


@pytest.mark.parametrize(
    ("file", "channels"),
    [
        *((torch_file, channels) for channels in CHANNELS),
        (caffe_file, 4),
        (keras_file, 6),
        (hub_file, 1),
        (own_file, 6),
    ],
)
def test_other_channels(file, channels, written, built, caplog):
    """Grey images give what they gave; of a kernel for BGR, too, our channels begin with red."""
    path, builder, given = written(file)
    whole = weights.load(built(builder, input_shape=(32, 32, 3), classes=5, **given), path)
    given = {"input_shape": (32, 32, channels), "classes": 5, **given}
    message = rf"\(\d+, \d+, {channels}, \d+\) here: .*3.* there"
    with pytest.raises(ValueError, match=message):
        weights.load(model := builder(**given), path)
    weights.load(model, path, adapt=True)
    assert f"the first kernel, for 3 channels, was made one for {channels}" in caplog.text
    first = next(path for path in values(whole) if path.endswith("kernel"))
    same(values(model), values(whole), [first])
    kernel = np.einsum("oc,hwcf->hwof", CHANNELS[channels], values(whole)[first])
    np.testing.assert_allclose(values(model)[first], kernel, rtol=1e-6, atol=1e-7)
    grey = np.random.default_rng(3).standard_normal((2, 32, 32, 1)).astype("float32")
    expected = numpy(whole(grey.repeat(3, -1), training=False))
    actual = numpy(model(grey.repeat(channels, -1), training=False))
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("big_vision", [True, False])
def test_other_patches(big_vision, token, peers, twins, tmp_path, caplog):
    """Position embeddings, resized as the authors do it; see `resize_positions`."""
    path, given = tmp_path / "theirs.npz", {"pooling": None if token else "avg", "classes": 5}
    released(peers, twins, path, "Mini/8", (40, 40, 3), big_vision=big_vision, token=token)
    whole = ViT("Mini/8", weights=path, input_shape=(40, 40, 3), **given)
    model = ViT("Mini/8", input_shape=(24, 56, 3), **given)
    with pytest.raises(ValueError, match=r"position_embedding/embeddings \(2[12], 128\) here: "):
        weights.load(model, path)
    weights.load(model, path, adapt=True)
    assert "the position embeddings of 5x5 patches were resized to 3x7" in caplog.text
    same(values(model), values(whole), ["position_embedding/embeddings"])
    positions = whole.get_layer("position_embedding").resize((3, 7), (5, 5))
    np.testing.assert_array_equal(values(model)["position_embedding/embeddings"], positions)


def test_as_fine_tuning_does_it(peers, twins, tmp_path, images, agree):
    """Other classes, with the hidden layer left out, and other patches, at once."""
    path, given = tmp_path / "theirs.npz", {"classifier_activation": None}
    released(peers, twins, path, "Mini/8", (40, 40, 3), hidden=11)
    whole = ViT("Mini/8", weights=path, representation_size=11, **MINI)
    tuned = vit.fine_tune(whole, classes=7, input_shape=(56, 56, 3), **given)
    model = ViT("Mini/8", weights=path, input_shape=(56, 56, 3), classes=7, **given)
    same(values(model), values(tuned))


def test_patches_of_an_oblong_image_are_not_guessed(peers, twins, tmp_path):
    released(peers, twins, tmp_path / "theirs.npz", "Mini/8", (24, 56, 3))
    with pytest.raises(ValueError, match=r"\(26, 128\) here: .*pos_embedding \(1, 22, 128\)"):
        ViT("Mini/8", weights=tmp_path / "theirs.npz", **MINI)


# What does not fit


@pytest.mark.parametrize("file", FILES)
def test_without_the_top(file, written, built, caplog):
    path, builder, given = written(file)
    whole = weights.load(built(builder, input_shape=(32, 32, 3), classes=5, **given), path)
    caplog.clear()
    model = builder(input_shape=(32, 32, 3), include_top=False, **given)
    weights.load(model, path)
    same(values(model), values(whole))
    assert re.search("predictions(, fc7, fc6)? left out: the model is without", caplog.text)


def test_a_file_without_the_top(peers, kept, tmp_path, caplog):
    """Every weight of the top that is missing is named, and nothing is loaded."""
    twin = torchvisions(peers, kept, "vgg11")
    state = {k: v for k, v in twin.state_dict().items() if k.startswith("features")}
    path = peers.write(state, tmp_path / "theirs.safetensors")
    model = VGG11(input_shape=(32, 32, 3))
    before = values(model)
    with pytest.raises(ValueError, match="does not fit vgg_a, which stays as it was") as error:
        weights.load(model, path)
    lines, hint = str(error.value).rsplit("\n", 1)
    lines = lines.split("\n  ")[1:]
    assert hint.endswith("or with another top: adapt=True.")
    assert lines == [
        "fc6/kernel (512, 4096) here: classifier.0.weight missing there",
        "fc6/bias (4096) here: classifier.0.bias missing there",
        "fc7/kernel (4096, 4096) here: classifier.3.weight missing there",
        "fc7/bias (4096) here: classifier.3.bias missing there",
        "predictions/kernel (4096, 1000) here: classifier.6.weight missing there",
        "predictions/bias (1000) here: classifier.6.bias missing there",
    ]
    same(values(model), before)
    with pytest.raises(ValueError, match="without this top. Build the network with include_top=F"):
        VGG11(input_shape=(32, 32, 3), weights=path)
    assert "predictions, fc7, fc6 stay as they are: the file is without" not in caplog.text
    weights.load(model, path, adapt=True)
    assert "predictions, fc7, fc6 stay as they are: the file is without" in caplog.text
    same({k: v for k, v in values(model).items() if not k.startswith("conv")}, before)
    below = weights.load(VGG11(input_shape=(32, 32, 3), include_top=False), path)
    same(values(below), values(model))


def test_all_that_does_not_fit_is_said_at_once(peers, kept, built, tmp_path):
    """Missing, superfluous and of another shape, with both shapes; the model stays."""
    state = torchvisions(peers, kept, "resnet18").state_dict()
    del state["layer1.0.bn1.running_mean"]
    state["layer2.0.conv1.weight"] = state["layer2.0.conv1.weight"][:100]
    state["bn1.bias"] = state["bn1.bias"].int()
    state["layer4.1.se.weight"] = state["bn1.weight"]
    path = peers.write(state, tmp_path / "theirs.pth")
    model = built(ResNet18, input_shape=(32, 32, 3), classes=5)
    before = values(model)
    with pytest.raises(ValueError, match="does not fit resnet18, which stays as it was") as error:
        weights.load(model, path)
    first, *lines = str(error.value).split("\n")
    assert str(path) in first
    assert "by the names of torchvision" in first
    assert [line.strip() for line in lines] == [  # and nothing about `adapt`, which does not help
        "conv1_bn/beta (64) here: bn1.bias (64) there, of the type int32",
        "conv2_1_conv1_bn/moving_mean (64) here: layer1.0.bn1.running_mean missing there",
        "conv3_1_conv1/kernel (3, 3, 64, 128) here: layer2.0.conv1.weight (100, 64, 3, 3) there",
        "nothing here: layer4.1.se.weight (64) there",
    ]
    same(values(model), before)


@pytest.mark.parametrize(("theirs", "ours"), [("resnet18", ResNet34), ("resnet34", ResNet18)])
def test_another_depth(theirs, ours, peers, kept, tmp_path):
    state = torchvisions(peers, kept, theirs).state_dict()
    path = peers.write(state, tmp_path / "theirs.safetensors")
    model = ours(input_shape=(32, 32, 3), classes=5)
    before = values(model)
    with pytest.raises(ValueError, match="does not fit resnet") as error:
        weights.load(model, path, adapt=True)
    # 34 layers have 8 blocks more, of two convolutions with their normalizations.
    word = "missing there" if ours is ResNet34 else "nothing here"
    assert str(error.value).count(word) == loading.SHOWN
    assert f"and {8 * 2 * (1 + 4) - loading.SHOWN} more" in str(error.value)
    same(values(model), before)


@pytest.mark.parametrize("adapt", [False, True])
def test_another_network(adapt, peers, kept, tmp_path, no_values):
    path = peers.write(torchvisions(peers, kept, "vgg11").state_dict(), tmp_path / "theirs.pth")
    for model in (ResNet18(input_shape=(32, 32, 3)), LeNet5()):
        with pytest.raises(ValueError, match="none of the names.*22 arrays, features.0.weight"):
            weights.load(model, path, adapt=adapt)


def test_another_network_that_has_a_few_of_the_names(written, no_values):
    """The first of each kind are listed, the others counted, and no single reason is given."""
    path, _, _ = written(keras_file)
    with pytest.raises(ValueError, match="by the names of keras.* does not fit resnet50") as error:
        ResNet50(weights=path, input_shape=(32, 32, 3), classes=5, **CAFFE)
    assert str(error.value).count("missing there") == loading.SHOWN
    assert str(error.value).count("nothing here: ") == loading.SHOWN
    assert "nothing here: block1_conv1/0 (3, 3, 3, 64) there" in str(error.value)
    # Of the output the kernel does not fit; the other 15 layers have no place.
    more = [53 * 5 + 1 - loading.SHOWN, 2 * 15 - loading.SHOWN]
    assert re.findall(r"\n  and (\d+) more", str(error.value)) == [str(n) for n in more]


@pytest.mark.parametrize(
    ("name", "rank"), [("conv1.weight", 2), ("fc.weight", 1), ("fc.weight", 4)]
)
def test_kernels_of_another_rank(name, rank, peers, kept, tmp_path, no_values):
    state = torchvisions(peers, kept, "resnet18").state_dict()
    state[name] = state[name].reshape(*[-1, 2, 2, 2][:rank])
    path = peers.write(state, tmp_path / "theirs.pth")
    with pytest.raises(ValueError, match=rf"here: {name} \(\d+(, 2)*\) there"):
        ResNet18(weights=path, input_shape=(32, 32, 3), classes=7)


def test_values_that_are_not_finite(peers, kept, built, tmp_path):
    twin = copy.deepcopy(torchvisions(peers, kept, "resnet18"))
    twin.layer4[1].conv2.weight.data[3, 4, 1, 2] = float("nan")
    path = peers.write(twin.state_dict(), tmp_path / "theirs.pth")
    model = built(ResNet18, input_shape=(32, 32, 3), classes=5)
    before = values(model)
    with pytest.raises(ValueError, match="layer4.1.conv2.weight, for conv5_2_conv2/kernel, has va"):
        weights.load(model, path)
    same(values(model), before)


def test_a_backbone_of_vgg_does_not_say_its_order(tmp_path, lively, images, agree):
    """keras.applications and KerasHub have the same names, and another order of channels."""
    given, path = {"input_shape": (32, 32, 3), "include_top": False}, tmp_path / "my.weights.h5"
    theirs = lively(keras.applications.VGG16(weights=None, **given))
    theirs.save_weights(path)
    model, x = VGG16(**given), images(32, 32, 3)
    before = values(model)
    with pytest.raises(ValueError, match='say channels="BGR" or channels="RGB"'):
        weights.load(model, path)
    same(values(model), before)
    agree(weights.load(model, path, channels="BGR"), x, theirs(x[..., ::-1]))
    agree(weights.load(model, path, channels="RGB"), x, theirs(x))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".h5"])
def test_where_tensorflow_computes_with_it(suffix, tmp_path, lively):
    """At a multiple of 64: elsewhere it ends the process, or it does not, by chance."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as the backend")
    model, path = lively(ResNetCIFAR(20)), tmp_path / f"ours{suffix}"
    if suffix == ".h5":
        model.save_weights(path := tmp_path / "ours.weights.h5")
    else:
        weights.save(model, path, convention="akamaster")
    for weight in weights.load(model, path).weights:
        memory = np.asarray(weight.value.read_value())
        assert memory.ctypes.data % 64 == 0, weight.path


def test_channels(peers, kept, built, tmp_path, images, agree):
    """Given, it wins over what the library has."""
    twin, x = torchvisions(peers, kept, "resnet18"), images(32, 32, 3)
    path = peers.write(twin.state_dict(), tmp_path / "theirs.pth")
    model = built(ResNet18, input_shape=(32, 32, 3), **TOP)
    agree(weights.load(model, path, channels="BGR"), x, peers.outputs(twin, x[..., ::-1]))
    with pytest.raises(
        ValueError, match=r"`channels` must be \"RGB\" or \"BGR\". Received: .*'GBR'"
    ):
        weights.load(model, path, channels="GBR")
