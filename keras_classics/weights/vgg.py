"""Names of VGG's weights in the releases."""

import re

from keras_classics.weights.conventions import (
    Convention,
    Family,
    caffe,
    differs_from_caffe,
    keras_files,
    templates,
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
    """Names in PyTorch, which counts ReLUs and pools, too: `features.0`, `features.2`, ..."""

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


def differs(model, file):
    """No library but ours has A-LRN, whose weights would fit the plain network."""
    if any(layer.name == "lrn1" for layer in model.layers):
        return "it has no local response normalization: build configuration A"
    return None


# keras.applications takes BGR, and KerasHub RGB, by the same names. A classifier of KerasHub is
# a model within a model; without its top, a new file of either looks the same.


def of_keras(file):
    return file.structure == "legacy" or (
        file.structure == "flat" and "predictions/0" in file.arrays
    )


def of_kerashub(file):
    return file.structure == "nested"


def of_either(file):
    return file.structure == "flat" and "predictions/0" not in file.arrays


FAMILY = Family(
    {
        "keras": Convention(
            keras_files, KERAS, "BGR", differs=differs, matches=of_keras, saved=(".h5",)
        ),
        "kerashub": Convention(keras_files, KERAS, differs=differs, matches=of_kerashub),
        "keras or kerashub": Convention(
            keras_files, KERAS, None, differs=differs, matches=of_either
        ),
        "caffe": Convention(caffe, CAFFE, "BGR", differs=differs_from_caffe(CAFFE)),
        "torchvision": Convention(
            torch, TORCHVISION, differs=differs, saved=(".safetensors", ".npz")
        ),
        "timm": Convention(torch, TIMM, differs=differs, saved=(".safetensors", ".npz")),
    },
    first="conv1_1",
    top=("fc7", "fc6"),
)
