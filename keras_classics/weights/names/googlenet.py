"""Names of GoogLeNet's weights in the releases."""

from keras_classics.layers import SymmetricConv2D
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

MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
BRANCHES = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")

# Ours, and theirs.
CAFFE = templates(
    {
        "conv1": "conv1/7x7_s2",
        "conv2_reduce": "conv2/3x3_reduce",
        "conv2": "conv2/3x3",
        **{f"inception_{m}_{b}": f"inception_{m}/{b}" for m in MODULES for b in BRANCHES},
        "auxiliary_4a_conv": "loss1/conv",
        "auxiliary_4a_fc": "loss1/fc",
        "auxiliary_4a": "loss1/classifier",
        "auxiliary_4d_conv": "loss2/conv",
        "auxiliary_4d_fc": "loss2/fc",
        "auxiliary_4d": "loss2/classifier",
        "predictions": "loss3/classifier",
    }
)
TORCH_BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}
TORCHVISION = templates(
    {
        "conv1": "conv1.conv",
        "conv2_reduce": "conv2.conv",
        "conv2": "conv3.conv",
        **{
            f"inception_{m}_{ours}": f"inception{m}.{theirs}.conv"
            for m in MODULES
            for ours, theirs in TORCH_BRANCHES.items()
        },
        "predictions": "fc",
    }
)


def differs(model, file):
    """The reason why a model is not Caffe's network, which pads conv1 on all sides alike."""
    if not isinstance(model.get_layer("conv1"), SymmetricConv2D):
        return 'it pads as Caffe does: build GoogLeNet(convention="caffe")'
    return differs_from_caffe(CAFFE)(model, file)


FAMILY = Family(
    {
        "caffe": Convention(caffe, CAFFE, "BGR", differs=differs, matches=of_caffe),
        "torchvision": Convention(
            torch, TORCHVISION, differs=lambda model, file: ANOTHER["googlenet"]
        ),
    },
    decides=lambda network: ("convention",),
    heads=("predictions", "auxiliary_4a", "auxiliary_4d"),
    helpers=(
        *("auxiliary_4a_conv", "auxiliary_4a_fc", "auxiliary_4a"),
        *("auxiliary_4d_conv", "auxiliary_4d_fc", "auxiliary_4d"),
    ),
)
