"""The networks, one paper a file."""

from keras_classics.applications.alexnet import AlexNet
from keras_classics.applications.cuda_convnet import CudaConvNet
from keras_classics.applications.googlenet import GoogLeNet
from keras_classics.applications.lecun1989 import LeCun1989
from keras_classics.applications.lenet1 import LeNet1
from keras_classics.applications.lenet5 import FullyConnected, LeNet4, LeNet5, PairwiseLinear
from keras_classics.applications.resnet import (
    PlainNet,
    PlainNetCIFAR,
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    ResNet101,
    ResNet152,
    ResNetCIFAR,
)
from keras_classics.applications.vgg import VGG, VGG11, VGG13, VGG16, VGG19
from keras_classics.applications.vit import (
    ViT,
    ViTB16,
    ViTB32,
    ViTH14,
    ViTL16,
    ViTL32,
    ViTS16,
    ViTS32,
    ViTTi16,
)

__all__ = [
    "VGG",
    "VGG11",
    "VGG13",
    "VGG16",
    "VGG19",
    "AlexNet",
    "CudaConvNet",
    "FullyConnected",
    "GoogLeNet",
    "LeCun1989",
    "LeNet1",
    "LeNet4",
    "LeNet5",
    "PairwiseLinear",
    "PlainNet",
    "PlainNetCIFAR",
    "ResNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "ResNetCIFAR",
    "ViT",
    "ViTB16",
    "ViTB32",
    "ViTH14",
    "ViTL16",
    "ViTL32",
    "ViTS16",
    "ViTS32",
    "ViTTi16",
]
