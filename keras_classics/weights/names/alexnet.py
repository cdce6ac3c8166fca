"""Names of AlexNet's weights in the releases."""

from keras_classics.weights.conventions import (
    Convention,
    Family,
    caffe,
    differs_from_caffe,
    of_caffe,
    templates,
    torch,
)
from keras_classics.weights.releases import ANOTHER

# Ours, and theirs.
CAFFE = templates(
    {"conv{i}": lambda i: f"conv{i}", "fc6": "fc6", "fc7": "fc7", "predictions": "fc8"}
)
TORCHVISION = templates(
    {
        "conv1": "features.0",
        "conv2": "features.3",
        "conv3": "features.6",
        "conv4": "features.8",
        "conv5": "features.10",
        "fc6": "classifier.1",
        "fc7": "classifier.4",
        "predictions": "classifier.6",
    }
)

FAMILY = Family(
    {
        "caffe": Convention(
            caffe, CAFFE, "BGR", differs=differs_from_caffe(CAFFE), matches=of_caffe
        ),
        "torchvision": Convention(
            torch, TORCHVISION, differs=lambda model, file: ANOTHER["alexnet"]
        ),
    },
    decides=lambda network: ("towers", "lrn", "overlapping_pooling", "convention"),
    top=("fc7", "fc6"),
)
