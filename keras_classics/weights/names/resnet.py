"""Names of ResNet's weights in the releases."""

import re

import numpy as np

from keras_classics.weights import layouts
from keras_classics.weights.conventions import (
    Convention,
    Family,
    caffe,
    differs_from_caffe,
    in_models,
    keras_files,
    of_caffe,
    templates,
    torch,
)

# Ours, and theirs. In Caffe and keras.applications a convolution can have a bias. Here it goes
# into the mean of the batch normalization.
IN_TORCH = {
    "conv1": "conv1",
    "conv1_bn": "bn1",
    "conv{s}_{b}_conv{c}": lambda s, b, c: f"layer{s - 1}.{b - 1}.conv{c}",
    "conv{s}_{b}_conv{c}_bn": lambda s, b, c: f"layer{s - 1}.{b - 1}.bn{c}",
}
TORCHVISION = templates(
    IN_TORCH
    | {
        "conv{s}_{b}_shortcut": lambda s, b: f"layer{s - 1}.{b - 1}.downsample.0",
        "conv{s}_{b}_shortcut_bn": lambda s, b: f"layer{s - 1}.{b - 1}.downsample.1",
        "predictions": "fc",
    }
)


def _transformers(s, b, module):
    return f"encoder.stages.{s - 2}.layers.{b - 1}.{module}"


TRANSFORMERS = templates(
    {
        "conv1": "embedder.embedder.convolution",
        "conv1_bn": "embedder.embedder.normalization",
        "conv{s}_{b}_conv{c}": lambda s, b, c: _transformers(s, b, f"layer.{c - 1}.convolution"),
        "conv{s}_{b}_conv{c}_bn": lambda s, b, c: _transformers(
            s, b, f"layer.{c - 1}.normalization"
        ),
        "conv{s}_{b}_shortcut": lambda s, b: _transformers(s, b, "shortcut.convolution"),
        "conv{s}_{b}_shortcut_bn": lambda s, b: _transformers(s, b, "shortcut.normalization"),
        "predictions": "classifier.1",
    }
)
AKAMASTER = templates(IN_TORCH | {"predictions": "linear"})
KERAS = templates(
    {
        "conv1": "conv1_conv",
        "conv1_bn": ("conv1_bn", "conv1_conv"),
        "conv{s}_{b}_conv{c}": lambda s, b, c: f"conv{s}_block{b}_{c}_conv",
        "conv{s}_{b}_conv{c}_bn": lambda s, b, c: (
            f"conv{s}_block{b}_{c}_bn",
            f"conv{s}_block{b}_{c}_conv",
        ),
        "conv{s}_{b}_shortcut": lambda s, b: f"conv{s}_block{b}_0_conv",
        "conv{s}_{b}_shortcut_bn": lambda s, b: (
            f"conv{s}_block{b}_0_bn",
            f"conv{s}_block{b}_0_conv",
        ),
        "predictions": "predictions",
    }
)
KERASHUB = templates(
    {
        "conv1": "conv1_conv",
        "conv1_bn": "conv1_bn",
        "conv{s}_{b}_conv{c}": lambda s, b, c: f"stack{s - 2}_block{b - 1}_{c}_conv",
        "conv{s}_{b}_conv{c}_bn": lambda s, b, c: f"stack{s - 2}_block{b - 1}_{c}_bn",
        "conv{s}_{b}_shortcut": lambda s, b: f"stack{s - 2}_block{b - 1}_0_conv",
        "conv{s}_{b}_shortcut_bn": lambda s, b: f"stack{s - 2}_block{b - 1}_0_bn",
        "predictions": "predictions",
    }
)


def CAFFE(ours):
    """The authors' names. Blocks have letters; from 101 layers on, those of conv3 and conv4 have
    numbers.
    """
    deep = any(name.startswith("conv4_7_") for name in ours)

    def block(s, b):
        numbered = b > 6 or (deep and s in (3, 4) and b > 1)
        return f"{s}b{b - 1}" if numbered else f"{s}{'abcdef'[b - 1]}"

    def branch(s, b, c):
        return f"{block(s, b)}_branch2{'abc'[c - 1]}"

    return templates(
        {
            "conv1": "conv1",
            "conv1_bn": ("bn_conv1", "scale_conv1", "conv1"),
            "conv{s}_{b}_conv{c}": lambda s, b, c: f"res{branch(s, b, c)}",
            "conv{s}_{b}_conv{c}_bn": lambda s, b, c: (
                f"bn{branch(s, b, c)}",
                f"scale{branch(s, b, c)}",
            ),
            "conv{s}_{b}_shortcut": lambda s, b: f"res{block(s, b)}_branch1",
            "conv{s}_{b}_shortcut_bn": lambda s, b: (
                f"bn{block(s, b)}_branch1",
                f"scale{block(s, b)}_branch1",
            ),
            "predictions": "fc1000",
        }
    )(ours)


def differs(stride_in, convention="paper"):
    """The function `differs` of a library with ImageNet's networks.

    Args:
        stride_in: The library's value of this argument of `ResNet`.
        convention: The library's value of this argument.
    """

    def why(model, file):
        names = {layer.name for layer in model.layers}
        if "conv2_1_add" not in names:
            return "it has shortcuts, and this network is plain"
        if "pool1" not in names:
            return "it is a network for ImageNet, and this one is for CIFAR-10"
        if "conv2_2_shortcut" in names or not model.get_layer("conv3_1_shortcut").weights:
            return 'it has projections where the maps change: build it with shortcut="B"'
        here = "1x1" if model.get_layer("conv3_1_conv1").strides == (2, 2) else "3x3"
        if "conv2_1_conv3" in names and here != stride_in:
            return (
                f"it halves the maps in the {stride_in} convolutions, and this network in the "
                f"{here}: build it with stride_in={stride_in!r}"
            )
        here = "paper" if model.get_layer("pool1_pad").padding[0][0] else "caffe"
        if here != convention:
            return f"its first pooling has other padding: build it with convention={convention!r}"
        return None

    return why


def differs_from_keras(model, file):
    """The reason why keras.applications, which has only bottlenecks, has no such model."""
    why = differs("1x1")(model, file)
    if why is None and file is None and not any(la.name == "conv2_1_conv3" for la in model.layers):
        return "it has 50, 101 or 152 layers"
    return why


def differs_from_transformers(model, file):
    """The reason why a model is none of transformers'; a config.json beside the file says more."""
    config = file.config if file else {}
    if config.get("downsample_in_first_stage"):
        return "it halves the maps in its first stage, too, which no network of the paper does"
    if config.get("hidden_act", "relu") != "relu":
        return f"its activation is {config['hidden_act']!r}, and the paper's is 'relu'"
    return differs("1x1" if config.get("downsample_in_bottleneck") else "3x3")(model, file)


def differs_from_authors(model, file):
    """The reason why a model is not the authors' network. Their files also say the strides."""
    return differs("1x1", "caffe")(model, file) or differs_from_caffe(CAFFE)(model, file)


def differs_from_akamaster(model, file):
    """The reason why a model is none of akamaster's, which are for CIFAR-10 with shortcut A."""
    names = {layer.name for layer in model.layers}
    if "pool1" in names or "conv2_1_add" not in names:
        return "it is a residual network for CIFAR-10: build ResNetCIFAR"
    return None


def differs_from_chenyaofo(model, file):
    """The reason why a model is none of chenyaofo's, which are for CIFAR, with shortcut B."""
    layers = {layer.name: layer for layer in model.layers}
    if "pool1" in layers or "conv2_1_add" not in layers:
        return 'it is a residual network for CIFAR: build ResNetCIFAR with shortcut="B"'
    if "conv2_1_shortcut" in layers or not layers["conv3_1_shortcut"].weights:
        return 'it has projections where the maps change: build it with shortcut="B"'
    return None


def of_cifar(file):
    """Whether a file is of a network for small images: its first kernel is of 3x3."""
    first = (a.shape for k, a in file.arrays.items() if re.search(r"(^|[a-z_]\.)conv1\.weight$", k))
    return any(shape[-2:] == (3, 3) for shape in first)


def of_imagenet(file):
    """Whether a file can be of a network for ImageNet."""
    return not of_cifar(file)


def zeros_around(width):
    """The order of a stage's maps where zero maps are added on both sides of the old ones.

    Shortcut A of the paper adds zero maps when their number doubles. This library adds them
    behind the old maps; akamaster adds half of them before and half behind. It is the same
    network with its maps in another order: `ours[k] = theirs[zeros_around(width)[k]]`.
    """
    if width <= 16:  # the first stage adds none
        return np.arange(width)
    quarter = width // 4
    behind = np.r_[:quarter, width - quarter : width]
    return np.r_[quarter + zeros_around(width // 2), behind]


def akamaster(group, theirs, convention):
    """The arrays of akamaster: those of `torch`, but maps between blocks have another order."""
    sources = torch(group, theirs, convention)
    *_, inner = group.name.removesuffix("_bn").rpartition("_")
    for name, source in sources.items():
        shape = group.variables[name].shape
        if inner == "conv2":  # ends a block
            axis = len(shape) - 1
        elif inner == "conv1" and name == "kernel" and group.name != "conv1":  # begins one
            axis = 2
        elif name == "kernel" and group.name == "predictions":
            axis = 0
        else:
            continue
        order = zeros_around(shape[axis])
        reordered = layouts.reordered(order, axis)
        sources[name] = source._replace(layout=layouts.chained(source.layout, reordered))
    return sources


def decides(network):
    """Arguments of the builders that make another network of these weights."""
    if network.builder == "ResNetCIFAR":
        return ("shortcut",)
    if network.builder != "ResNet":
        return ()
    bottlenecks = network.arguments["depth"] >= 50  # only they have a `stride_in`
    return ("shortcut", "convention", *["stride_in"] * bottlenecks)


def shortcut_first(names):
    """Layers in the order of Keras's libraries: a shortcut before the end of its block."""
    names = list(names)
    for at, name in enumerate(names[:-1]):
        if "_0_" in names[at + 1] and name.rpartition("_")[2] == names[at + 1].rpartition("_")[2]:
            names[at : at + 2] = names[at + 1], name
    return names


TORCH_FILES = (".safetensors", ".npz")
FAMILY = Family(
    {
        "keras": Convention(
            keras_files,
            KERAS,
            "BGR",
            epsilon=1.001e-5,
            differs=differs_from_keras,
            saved=(".h5",),
            ordered=shortcut_first,
        ),
        "kerashub": Convention(
            keras_files,
            KERASHUB,
            differs=differs("3x3"),
            saved=(".h5",),
            ordered=shortcut_first,
            packed=in_models("res_net_backbone", ("predictions",)),
        ),
        "caffe": Convention(caffe, CAFFE, "BGR", differs=differs_from_authors, matches=of_caffe),
        "torchvision": Convention(
            torch, TORCHVISION, differs=differs("3x3"), matches=of_imagenet, saved=TORCH_FILES
        ),
        "timm": Convention(
            torch, TORCHVISION, differs=differs("3x3"), matches=of_imagenet, saved=TORCH_FILES
        ),
        "transformers": Convention(
            torch,
            TRANSFORMERS,
            differs=differs_from_transformers,
            saved=TORCH_FILES,
            body="resnet.",
        ),
        "chenyaofo": Convention(
            torch,
            TORCHVISION,
            differs=differs_from_chenyaofo,
            matches=of_cifar,
            renamed={r"\.shortcut\.(\d)\.": r".downsample.\1.", r"(^|\.)linear\.": r"\1fc."},
            saved=TORCH_FILES,
        ),
        "akamaster": Convention(
            akamaster, AKAMASTER, differs=differs_from_akamaster, saved=TORCH_FILES
        ),
    },
    decides=decides,
)
