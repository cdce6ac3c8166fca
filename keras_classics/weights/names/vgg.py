"""Names of VGG's weights in the releases."""

import re

from keras_classics.weights import layouts
from keras_classics.weights.conventions import (
    Convention,
    Family,
    caffe,
    differs_from_caffe,
    in_models,
    keras_files,
    of_caffe,
    of_numpy,
    templates,
    tensorflow,
    torch,
)

# Ours, and theirs.
CAFFE = templates(
    {
        "conv{s}_{i}": lambda s, i: f"conv{s}_{i}",
        "fc6": "fc6",
        "fc7": "fc7",
        "predictions": "fc8",
    }
)
KERAS = templates(
    {
        "conv{s}_{i}": lambda s, i: f"block{s}_conv{i}",
        "fc6": "fc1",
        "fc7": "fc2",
        "predictions": "predictions",
    }
)


def counted(**top):
    """The function `names` of PyTorch, which also counts ReLUs and pools: `features.0`, ..."""

    def names(ours):
        found, number, stage = dict(top), 0, "1"
        for name in ours:
            if match := re.fullmatch(r"conv(\d)_\d", name):
                number += match[1] != stage  # the pool before it
                stage = match[1]
                found[name] = f"features.{number}"
                number += 2
        return found

    return names


TORCHVISION = counted(fc6="classifier.0", fc7="classifier.3", predictions="classifier.6")
TIMM = counted(fc6="pre_logits.fc1", fc7="pre_logits.fc2", predictions="head.fc")


def timm(group, theirs, convention):
    """The arrays of timm: those of `torch`, but fc6 and fc7 are convolutions."""
    sources = torch(group, theirs, convention)
    kernel = group.variables["kernel"]
    if group.name in ("fc6", "fc7") and kernel.ndim == 2:
        maps = group.maps or (1, 1, kernel.shape[0])
        sources["kernel"] = sources["kernel"]._replace(layout=layouts.as_convolution(maps))
    return sources


def named_otherwise(group, theirs, convention):
    """The arrays of `tensorflow`, named `conv1_1_W` and `conv1_1_b`."""
    sources = tensorflow(group, theirs, convention)
    ends = {"weights": "_W", "biases": "_b"}
    return {
        name: source._replace(keys=tuple(theirs + ends[k.rpartition("/")[2]] for k in source.keys))
        for name, source in sources.items()
    }


def differs(model, file):
    """The reason why no other library has a model: A-LRN and C are only here."""
    sizes = {layer.name: getattr(layer, "kernel_size", None) for layer in model.layers}
    if "lrn1" in sizes:
        return "it has no local response normalization: build configuration A"
    if sizes.get("conv3_3") == (1, 1):
        return "it has no kernels of 1x1: build configuration D"
    return None


def differs_from_keras(model, file):
    """The reason why keras.applications, which has only D and E, has no such model."""
    why = differs(model, file)
    if why is None and file is None and not any(la.name == "conv3_3" for la in model.layers):
        return "it has configuration D or E"
    return why


# keras.applications takes BGR, and KerasHub RGB, by the same names.
def origin(file):
    """The library of a file, `"keras"` or `"kerashub"`; `None` if it can be of both."""
    if not isinstance(file.structure, str):
        return "another"
    models = {model.rpartition("/")[2].rstrip("_0123456789") for model in file.models.values()}
    if file.structure != "flat" and "vgg_backbone" in models:  # KerasHub's class
        return "kerashub"
    if str(file.config.get("registered_name")).startswith("keras_hub>"):  # beside it, in a preset
        return "kerashub"
    layers = ("block1_conv1", "fc1", "fc2", "predictions")
    whole = {file.models.get(f"{layer}/0") for layer in layers}
    # KerasHub has its top in another model, and is younger than Keras 3.
    return "keras" if file.structure == "old" or (len(whole) == 1 and None not in whole) else None


def of(*origins):
    """The function `matches` of a convention for files of these origins."""
    return lambda file: origin(file) in origins


FAMILY = Family(
    {
        "keras or kerashub": Convention(
            keras_files,
            KERAS,
            None,
            unsure="keras.applications, whose first kernel is for BGR, and of KerasHub, for RGB",
            differs=differs,
            matches=of(None),
        ),
        "keras": Convention(
            keras_files,
            KERAS,
            "BGR",
            differs=differs_from_keras,
            matches=of("keras", None),
            saved=(".h5",),
        ),
        "kerashub": Convention(
            keras_files,
            KERAS,
            differs=differs,
            matches=of("kerashub", None),
            saved=(".h5",),
            packed=in_models("vgg_backbone", ("fc1", "fc2", "predictions")),
        ),
        "caffe": Convention(
            caffe, CAFFE, "BGR", differs=differs_from_caffe(CAFFE), matches=of_caffe
        ),
        "tensorflow": Convention(
            tensorflow, CAFFE, "BGR", differs=differs, matches=of_numpy, saved=(".npz",)
        ),
        "frossard": Convention(
            named_otherwise,
            CAFFE,
            None,
            unsure="vgg16_weights.npz, made of Caffe's, whose first kernel is for BGR, for a "
            "program that gives RGB",
            differs=differs,
            matches=of_numpy,
        ),
        "torchvision": Convention(
            torch, TORCHVISION, differs=differs, saved=(".safetensors", ".npz")
        ),
        "timm": Convention(timm, TIMM, differs=differs, saved=(".safetensors", ".npz")),
    },
    top=("fc7", "fc6"),
)
