"""Names of AlexNet's weights in the releases."""

from keras_classics.layers import LocalResponseNormalization
from keras_classics.weights.conventions import (
    Convention,
    Family,
    caffe,
    differs_from_caffe,
    of_caffe,
    of_numpy,
    templates,
    tensorflow,
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


def differs_from_tensorflow(model, file):
    """The reason why a model is not Caffe's bvlc_alexnet, of which the early ports are made."""
    norms = [la for la in model.layers if isinstance(la, LocalResponseNormalization)]
    if len(norms) != 2 or any((la.bias, la.alpha) != CAFFE_LRN for la in norms):
        return (
            "it has Caffe's two local response normalizations: build it with convention='caffe', "
            "and input_shape=(227, 227, 3)"
        )
    return None


CAFFE_LRN = (1.0, 2e-5)  # k, and alpha over one of the five maps
FAMILY = Family(
    {
        "caffe": Convention(
            caffe, CAFFE, "BGR", differs=differs_from_caffe(CAFFE), matches=of_caffe
        ),
        "tensorflow": Convention(
            tensorflow,
            CAFFE,
            "BGR",
            differs=differs_from_tensorflow,
            matches=of_numpy,
            saved=(".npz",),
        ),
        "torchvision": Convention(
            torch, TORCHVISION, differs=lambda model, file: ANOTHER["alexnet"]
        ),
    },
    decides=lambda network: ("towers", "halved", "lrn", "overlapping_pooling", "convention"),
    top=("fc7", "fc6"),
)
