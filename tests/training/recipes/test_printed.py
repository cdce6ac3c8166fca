"""The papers' recipes written down once more, from the papers and not from the code.

`FIELDS` has the fields of every recipe, `ARGUMENTS` the defaults of what recipes and networks are
made of, `NETWORKS` the numbers within the networks. A row ends with the section that prints its
number; `""` is a choice where the source is silent. The rest is what a recipe makes: its images,
its update rule, its learning rate at each step.
"""

import dataclasses
import inspect

import keras
import numpy as np
import pytest

from keras_classics import (
    activations,
    applications,
    datasets,
    experiments,
    initializers,
    layers,
    losses,
    optimizers,
    preprocessing,
    training,
)
from keras_classics.training import mixing
from keras_classics.training.recipes import RECIPES

SILENT = ""
DIGIT_RECIPES = ("lecun1989", "lenet1", "lenet5", "lenet4", "mlp")
IMAGENET = 1_281_167  # training images
LENET5_RATES = (*[5e-4] * 2, *[2e-4] * 3, *[1e-4] * 3, *[5e-5] * 4, *[1e-5] * 8)  # III.B

DIGITS = {  # LeCun et al., 1989 ("1998": the later paper)
    "loss": ("mse", "section 5"),
    "learning_rates": ((5e-4, 5e-4, 5e-4, 2e-4, 1e-4), SILENT),
    "box": (16, "section 2.2"),
    "centre": ("box", SILENT),
    "paper": (-1.0, "section 3.3"),
    "ink": (1.0, "section 2.2"),
    "batch_size": (1, "section 4: a pattern at a time"),
    "mu": (0.02, "1998, appendix C"),
    "curvature_patterns": (500, "1998, appendix C"),
    "fan_in_exponent": (1.0, "section 4"),
    "distortions": (False, SILENT),
}
VIT = {  # Dosovitskiy et al., 2021 (release: google-research/vision_transformer)
    "optimizer": ("adam", "section 4.1"),
    "momentum": (0.9, "section 4.1"),
    "epsilon": (1e-8, "release"),
    "schedule": ("cosine", "Table 3"),
    "clip": (1.0, "Table 3"),
    "ema": (0.0, SILENT),
    "dropout": (0.0, SILENT),
    "stochastic_depth": (0.0, SILENT),
    "representation": (False, SILENT),
    "loss": ("crossentropy", SILENT),
    "head_bias": (0.0, SILENT),
    "positions": ("1d", "section 3.1"),
    "positions_at": ("stem", "appendix D.4"),
    "start": (None, SILENT),
    "channels": (3, SILENT),
    "crops": ("area", "release"),
    "smallest_area": (0.05, "release"),
    "randaugment": ((), SILENT),
    "operations": ("paper", SILENT),
    "erasing": (0.0, SILENT),
    "mixup": (0.0, SILENT),
    "cutmix": (0.0, SILENT),
    "label_smoothing": (0.0, SILENT),
    "views": ("center", SILENT),
}
SMALL_VIT = VIT | {  # ours
    "network": ("vit_mini4", SILENT),
    "learning_rate": (1e-3, SILENT),
    "weight_decay": (0.1, SILENT),
}

FIELDS = {
    "lecun1989": DIGITS
    | {
        "network": ("lecun1989", SILENT),
        "epochs": (23, "section 5"),
        "image_size": (16, "section 2.2"),
    },
    "lenet1": DIGITS
    | {
        "network": ("lenet1", SILENT),
        "epochs": (30, "section 5"),
        "image_size": (28, "figure 3"),
    },
    "lenet5": DIGITS
    | {
        "network": ("lenet5", SILENT),
        "head": ("rbf", "section II.B"),
        "loss": ("map", "eq. 9"),
        "j": (10.0, SILENT),
        "epochs": (20, "section III.B"),
        "learning_rates": (tuple(eta / 4 for eta in LENET5_RATES), "a quarter of section III.B's"),
        "batch_size": (16, "a departure: 1"),
        "image_size": (32, "section II.B"),
        "box": (20, "section III.A"),
        "centre": ("mnist", SILENT),
        "paper": (-0.1, "section II.B"),
        "ink": (1.175, "section II.B"),
        "fan_in_exponent": (0.5, "a departure: 1, appendix A"),
    },
    **{
        name: DIGITS
        | {
            "network": (network, SILENT),
            "epochs": (20, "section III.B"),
            "learning_rates": (tuple(eta / over for eta in LENET5_RATES), "section III.B"),
            "mu": (mu, "appendix C: 0.02, of LeNet-4 that of a sum over ten units"),
            "batch_size": (16, "a departure: 1"),
            "image_size": (side, section),
            "box": (20, "section III.A"),
            "centre": ("mnist", SILENT),
            "paper": (-0.1, "section II.B"),
            "ink": (1.175, "section II.B"),
            "fan_in_exponent": (0.5, "a departure: 1, appendix A"),
        }
        for name, network, over, mu, side, section in [
            ("lenet4", "lenet4", 1, 0.002, 32, "section II.B"),
            ("mlp", "mlp_300", 4, 0.02, 28, "figure 9"),
        ]
    },
    "alexnet": {
        "network": ("alexnet", SILENT),
        "towers": (2, "section 3.2"),
        "lrn": (True, "section 3.3"),
        "overlapping_pooling": (True, "section 3.4"),
        "bias_start": (1.0, "section 5"),
        "epochs": (90, "section 5"),
        "batch_size": (128, "section 5"),
        "learning_rate": (0.01, "section 5"),
        "factor": (0.1, "section 5"),
        "patience": (5, SILENT),
        "drops": (3, "section 5"),
        "momentum": (0.9, "section 5"),
        "weight_decay": (5e-4, "section 5"),
        "no_decay": (("bias",), "section 5: weights"),
        "image_size": (224, "section 4.1"),
        "short_side": (256, "section 2"),
        "mean": ("pixel", "section 2"),
        "color": (True, "section 4.1"),
        "views": ("center", "footnote 5"),
    },
    "vgg": {
        "network": ("vgg16", SILENT),
        "epochs": (74, "section 3.1"),
        "batch_size": (256, "section 3.1"),
        "learning_rate": (0.01, "section 3.1"),
        "factor": (0.1, "section 3.1"),
        "patience": (5, SILENT),
        "drops": (3, "section 3.1"),
        "momentum": (0.9, "section 3.1"),
        "weight_decay": (5e-4, "section 3.1"),
        "no_decay": (("bias",), SILENT),
        "image_size": (224, "section 2.1"),
        "short_side": ((256, 512), "section 3.1"),
        "mean": ("channel", "section 2.1"),
        "color": (True, "section 3.1"),
        "views": ("center", SILENT),
    },
    "googlenet": {
        "network": ("googlenet", SILENT),
        "epochs": (90, SILENT),
        "batch_size": (32, SILENT),
        "learning_rate": (0.01, SILENT),
        "factor": (0.96, "section 6"),
        "epochs_per_drop": (8, "section 6"),
        "momentum": (0.9, "section 6"),
        "weight_decay": (2e-4, SILENT),
        "no_decay": (("bias",), SILENT),
        "ema": (0.9999, "section 6: Polyak averaging"),
        "image_size": (224, "section 5"),
        "smallest_area": (0.08, "section 6"),
        "mean": ("channel", "section 5"),
        "views": ("center", "Table 3, 1 crop"),
    },
    "resnet": {
        "network": ("resnet50", SILENT),
        "shortcut": ("B", "section 4.1"),
        "stride_in": ("1x1", SILENT),
        "epochs": (120, "section 3.4"),
        "batch_size": (256, "section 3.4"),
        "learning_rate": (0.1, "section 3.4"),
        "factor": (0.1, "section 3.4"),
        "patience": (5, SILENT),
        "drops": (3, SILENT),
        "momentum": (0.9, "section 3.4"),
        "weight_decay": (1e-4, "section 3.4"),
        "no_decay": ((), SILENT),
        "image_size": (224, "section 3.4"),
        "short_side": ((256, 480), "section 3.4"),
        "mean": ("pixel", "section 3.4"),
        "color": (True, "section 3.4"),
        "synchronized": (False, SILENT),
        "views": ("center", SILENT),
    },
    "cuda_convnet": {  # its files of layers and of parameters; the networks' own are below
        "network": ("cuda_convnet_80sec", SILENT),
        "activation": ("relu", "80sec: neuron"),
        "lrn": (True, "11pct: cmrnorm"),
        "overlapping_pooling": (True, "80sec: sizeX 3, stride 2"),
        "epochs": (0, SILENT),
        "last_epochs": ((), SILENT),
        "factor": (0.1, "11pct: comment 5"),
        "batch_size": (128, "convnet.py"),
        "learning_rate": (0.001, "epsW"),
        "bias_rate": (2.0, "epsB"),
        "momentum": (0.9, "momW"),
        "weight_decays": ((), SILENT),
        "held_out": (0, SILENT),
        "views": ("paper", "11pct: comment 7"),
    },
    "resnet_cifar": {
        "network": ("resnet20_cifar", SILENT),
        "epochs": (164, "section 4.2"),
        "batch_size": (128, "section 4.2"),
        "learning_rate": (0.1, "section 4.2"),
        "drops_at": ((32_000, 48_000), "section 4.2"),
        "factor": (0.1, "section 4.2"),
        "slow_steps": (-1, "section 4.2"),
        "momentum": (0.9, "section 4.2"),
        "weight_decay": (1e-4, "section 4.2"),
        "padding": (4, "section 4.2"),
        "synchronized": (False, SILENT),
        "held_out": (0, SILENT),
    },
    "vit": VIT
    | {
        "network": ("vit_b16", SILENT),
        "epochs": (300, "Table 3"),
        "batch_size": (4096, "Table 3"),
        "learning_rate": (3e-3, "Table 3"),
        "warmup_steps": (10_000, "section 4.1"),
        "weight_decay": (0.3, "Table 3"),
        "dropout": (0.1, "Table 3"),
        "representation": (True, "section 3.1"),
        "image_size": (224, "Table 3"),
    },
    "vit_finetune": VIT
    | {
        "network": ("vit_b16", SILENT),
        "epochs": (8, "Table 4: 20,000 steps of 512"),
        "batch_size": (512, "section 4.1"),
        "learning_rate": (0.03, "Table 4"),
        "warmup_steps": (500, "release"),
        "optimizer": ("sgd", "section 4.1"),
        "weight_decay": (0.0, "Table 4"),
        "dropout": (None, "release"),
        "image_size": (384, "appendix B.1.1"),
        "views": ("whole", "release"),
    },
    "vit_augreg": VIT
    | {  # Steiner et al., 2022
        "network": ("vit_s16", SILENT),
        "epochs": (300, "release"),
        "batch_size": (4096, "release"),
        "learning_rate": (1e-3, "release"),
        "warmup_steps": (10_000, "release"),
        "weight_decay": (0.1, "release"),
        "image_size": (224, "release"),
        "loss": ("sigmoid", "release"),
        "head_bias": (-6.9, "release"),
        "representation": (True, "release"),
        "mixup": (0.5, "medium2"),
        "randaugment": ((2, 15), "medium2"),
        "operations": ("augreg", "release"),
    },
    "vit_deit": VIT
    | {  # Touvron et al., 2021
        "network": ("vit_s16", SILENT),
        "epochs": (300, "Table 9"),
        "batch_size": (1024, "Table 9"),
        "learning_rate": (1e-3, "Table 9: 0.0005 for 512 images"),
        "warmup_steps": (6255, "Table 9: 5 epochs"),
        "weight_decay": (0.05, "Table 9"),
        "clip": (0.0, "Table 9"),
        "stochastic_depth": (0.1, "Table 9"),
        "image_size": (224, "its program"),
        "smallest_area": (0.08, "its program"),
        "label_smoothing": (0.1, "Table 9"),
        "mixup": (0.8, "Table 9"),
        "cutmix": (1.0, "Table 9"),
        "randaugment": ((2, 9), "Table 9"),
        "operations": ("deit", "its program"),
        "erasing": (0.25, "Table 9"),
    },
    "vit_cifar": SMALL_VIT
    | {
        "epochs": (20, SILENT),
        "batch_size": (64, SILENT),
        "warmup_steps": (1000, SILENT),
        "image_size": (32, SILENT),
        "crops": ("shift", SILENT),
    },
    "vit_mnist": SMALL_VIT
    | {
        "epochs": (5, SILENT),
        "batch_size": (128, SILENT),
        "warmup_steps": (500, SILENT),
        "image_size": (28, SILENT),
        "channels": (1, SILENT),
        "crops": ("distort", SILENT),
    },
}
FIELDS["alexnet_one_gpu"] = FIELDS["alexnet"] | {  # section 3.2
    "network": ("alexnet_one_gpu", SILENT),
    "towers": (1, "section 3.2"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_field_of_a_recipe(name):
    """None is missing from the table, and each has its value and its type."""
    found = {
        each.name: getattr(RECIPES[name], each.name) for each in dataclasses.fields(RECIPES[name])
    }
    printed = {field: value for field, (value, _) in FIELDS[name].items()}
    assert found == printed
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in printed.items()}


# What recipes and networks are made of, each with the paper's values as its defaults.

ARGUMENTS = [
    # LeCun et al., 1989 and 1998.
    (initializers.FanInUniform, {"scale": 2.4, "exponent": 1.0}, "1989, section 4"),
    (optimizers.StochasticDiagonalLM, {"learning_rate": 5e-4, "mu": 0.02}, "appendix C"),
    (optimizers.EstimateCurvature, {"patterns": 500}, "appendix C"),
    (applications.LeCun1989, {"input_shape": (16, 16, 1), "classes": 10}, "section 3.3"),
    (applications.LeNet1, {"input_shape": (28, 28, 1), "classes": 10}, "1990, section 3"),
    (applications.LeNet5, {"input_shape": (32, 32, 1), "head": "rbf"}, "section II.B"),
    (applications.LeNet4, {"input_shape": (32, 32, 1), "classes": 10}, "section III.C"),
    (applications.FullyConnected, {"input_shape": (28, 28, 1), "classes": 10}, "figure 9"),
    # Krizhevsky et al., 2012.
    (
        layers.LocalResponseNormalization,
        {"depth_radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75},  # n = 5, k = 2
        "section 3.3",
    ),
    (
        layers.MapResponseNormalization,
        {"size": 3, "bias": 1.0, "alpha": 5e-5 / 9, "beta": 0.75},
        "cuda-convnet, 18pct",
    ),
    (applications.ViT, {"positions": "1d", "positions_at": "stem"}, "section 3.1, appendix D.4"),
    (layers.OverlappingMaxPooling2D, {"pool_size": 3, "strides": 2}, "section 3.4"),
    (preprocessing.RescaleShortSide, {"short_side": 256}, "section 2"),
    (preprocessing.CropAndFlip, {"size": 224, "padding": 0}, "section 4.1"),
    (preprocessing.PCAColorJitter, {"sigma": 0.1}, "section 4.1"),
    (preprocessing.ten_crop, {"size": 224}, "section 4.1"),
    (
        optimizers.CoupledSGD,
        {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4},
        "section 5",
    ),
    (applications.AlexNet, {"towers": 2, "bias_start": 1.0, "classes": 1000}, "section 3.5"),
    (applications.AlexNet, {"input_shape": (224, 224, 3)}, "section 3.5"),
    # Simonyan & Zisserman, 2015.
    (applications.VGG16, {"input_shape": (224, 224, 3), "classes": 1000}, "section 2.1"),
    (preprocessing.whole_images, {"short_sides": (256, 384, 512)}, "section 4.2"),
    (
        preprocessing.multi_crop,
        {"short_sides": (256, 384, 512), "size": 224, "grid": 5},
        "section 3.2",
    ),
    # Szegedy et al., 2015.
    (applications.GoogLeNet, {"input_shape": (224, 224, 3), "classes": 1000}, "Table 1"),
    (preprocessing.AreaAspectCrop, {"area": (0.08, 1.0), "aspect": (3 / 4, 4 / 3)}, "section 6"),
    (
        preprocessing.googlenet_crops,
        {"short_sides": (256, 288, 320, 352), "size": 224},
        "section 7",
    ),
    # He et al., 2016; Ioffe & Szegedy, 2015. The constants of batch normalization are Caffe's.
    (applications.ResNet50, {"input_shape": (224, 224, 3), "shortcut": "B"}, "Table 1"),
    (applications.ResNetCIFAR, {"input_shape": (32, 32, 3), "classes": 10}, "section 4.2"),
    (layers.BatchNormalization, {"momentum": 0.9, "epsilon": 1e-5}, SILENT),
    # Dosovitskiy et al., 2021, and its release.
    (applications.ViTB16, {"input_shape": (224, 224, 3), "dropout": 0.0}, "section 4.1"),
    (applications.vit.fine_tune, {"input_shape": (384, 384, 3)}, "B.1.1"),
    (layers.TransformerEncoderBlock, {"epsilon": 1e-6, "dropout": 0.0}, "release"),
    (layers.TransformerEncoderBlock, {"relative": False}, "appendix D.4"),
    (layers.MultiHeadSelfAttention, {"dropout": 0.0}, "release"),
    (layers.MultiHeadSelfAttention, {"relative": False}, "appendix D.4"),
    (layers.StandardizedConv2D, {"epsilon": 1e-5}, "release"),
    # Cubuk et al., 2020.
    (preprocessing.RandAugment, {"num_layers": 2, "magnitude": 9}, "section 4.3"),
]


@pytest.mark.parametrize(
    ("made", "values", "section"), ARGUMENTS, ids=lambda x: getattr(x, "__name__", "")
)
def test_defaults_are_the_papers(made, values, section):
    defaults = {k: p.default for k, p in inspect.signature(made).parameters.items()}
    assert {name: defaults[name] for name in values} == values


def test_constants():
    assert (activations.AMPLITUDE, activations.SLOPE) == (1.7159, 2 / 3)  # 1998, appendix A
    assert applications.googlenet.LOSS_WEIGHTS == {  # section 5
        "predictions": 1.0,
        "auxiliary_4a": 0.3,
        "auxiliary_4d": 0.3,
    }
    jitter = preprocessing.PCAColorJitter()  # `color_pca` of cuda-convnet2's meta data
    assert jitter.deviations == (121.78006, 37.09389, 19.72083)
    assert jitter.components == (
        (-0.56351, -0.57618, -0.59200),
        (-0.71258, -0.02354, 0.70120),
        (0.41796, -0.81698, 0.39731),
    )
    assert applications.vit.SIZES == {  # Table 1; Touvron et al., Table 1; Mini is ours
        "Mini": (128, 6, 256, 4),
        "Ti": (192, 12, 768, 3),
        "S": (384, 12, 1536, 6),
        "B": (768, 12, 3072, 12),
        "L": (1024, 24, 4096, 16),
        "H": (1280, 32, 5120, 16),
    }
    assert applications.vit.RESNETS["R50"] == {16: (3, 4, 9), 32: (3, 4, 6, 3)}  # section 4.1
    assert applications.resnet.BLOCKS[50][-1] == (3, 4, 6, 3)
    assert applications.resnet.WIDTHS == (64, 128, 256, 512)  # Table 1
    assert applications.resnet.CIFAR_WIDTHS == (16, 32, 64)  # section 4.2
    assert training.recipes.resnet.SCALES == (224, 256, 384, 480, 640)  # section 3.4


def built(builder, *arguments, **more):
    """The network, of shapes only."""
    with keras.StatelessScope(initialize_variables=False):
        return builder(*arguments, **more)


def number(config, path):
    """A value in nested configurations: `"kernel_initializer.stddev"`."""
    for key in path.split("."):
        config = config.get("config", config)[key]
    return config


VGG_LAYERS = [f"conv{stage}_1" for stage in range(1, 6)]
NETWORKS = [  # what is built, and rows: layers, a number of their configuration, value, section
    (
        lambda: applications.LeNet5(),
        [
            ("C1 C3 C5 F6", "kernel_initializer.scale", 2.4, "appendix A"),
            ("C1 C3 C5 F6", "kernel_initializer.exponent", 1.0, "appendix A"),
            ("S2 S4", "pool_size", 2, "section II.B"),
            ("scores", "scale", -1.0, "eq. 7: penalties"),
        ],
    ),
    (
        lambda: applications.LeCun1989(),
        [
            ("H1_kernels H2_kernels H3 output", "kernel_initializer.scale", 2.4, "section 4"),
            ("H1_border H2_border", "value", -1.0, "section 3.3"),
        ],
    ),
    (
        lambda: applications.AlexNet(input_shape=(64, 64, 3)),
        [
            ("conv1 conv2 conv3 conv4 conv5", "kernel_initializer.stddev", 0.01, "section 5"),
            ("fc6 fc7 predictions", "kernel_initializer.stddev", 0.01, "section 5"),
            ("conv2 conv4 conv5 fc6 fc7", "bias_initializer.value", 1.0, "section 5"),
            ("conv1 conv3", "bias_initializer.value", 0, "section 5"),
            ("lrn1 lrn2", "depth_radius", 2, "section 3.3"),
            ("lrn1 lrn2", "bias", 2.0, "section 3.3"),
            ("lrn1 lrn2", "alpha", 1e-4, "section 3.3"),
            ("lrn1 lrn2", "beta", 0.75, "section 3.3"),
            ("pool1 pool2 pool5", "pool_size", (3, 3), "section 3.4"),
            ("pool1 pool2 pool5", "strides", (2, 2), "section 3.4"),
            ("conv2 conv4 conv5", "groups", 2, "section 3.2"),
            ("dropout6 dropout7", "rate", 0.5, "section 4.2"),
        ],
    ),
    (
        lambda: applications.VGG(
            "A-LRN", input_shape=(32, 32, 3), kernel_initializer=applications.vgg.GAUSSIAN
        ),
        [
            (" ".join(VGG_LAYERS), "kernel_initializer.stddev", 0.1, "section 3.1: variance 0.01"),
            ("fc6 fc7 predictions", "kernel_initializer.stddev", 0.1, "section 3.1"),
            ("lrn1", "depth_radius", 2, "section 2.1"),
            ("lrn1", "bias", 2.0, "section 2.1"),
            ("lrn1", "alpha", 1e-4, "section 2.1"),
            ("lrn1", "beta", 0.75, "section 2.1"),
            ("dropout6 dropout7", "rate", 0.5, "section 3.1"),
        ],
    ),
    (
        lambda: applications.GoogLeNet(auxiliary=True, input_shape=(65, 65, 3)),
        [
            ("dropout", "rate", 0.4, "Table 1"),
            ("auxiliary_4a_dropout auxiliary_4d_dropout", "rate", 0.7, "section 5"),
            ("auxiliary_4a_pool auxiliary_4d_pool", "pool_size", (5, 5), "section 5"),
            ("auxiliary_4a_pool auxiliary_4d_pool", "strides", (3, 3), "section 5"),
            ("auxiliary_4a_conv auxiliary_4d_conv", "filters", 128, "section 5"),
            ("auxiliary_4a_fc auxiliary_4d_fc", "units", 1024, "section 5"),
            ("lrn1 lrn2", "depth_radius", 2, "Caffe"),
            ("lrn1 lrn2", "bias", 1.0, "Caffe"),
            ("lrn1 lrn2", "alpha", 1e-4 / 5, "Caffe"),
            ("lrn1 lrn2", "beta", 0.75, "Caffe"),
        ],
    ),
    (
        lambda: applications.ResNetCIFAR(8),
        [
            ("conv1 conv4_1_conv1", "kernel_initializer.scale", 2.0, "section 3.4: He's"),
            ("conv1 conv4_1_conv1", "kernel_initializer.mode", "fan_in", "section 3.4"),
            ("conv1_bn conv4_1_conv1_bn", "momentum", 0.9, SILENT),
            ("conv1_bn conv4_1_conv1_bn", "epsilon", 1e-5, "Caffe"),
        ],
    ),
    (
        lambda: applications.CudaConvNet("80sec"),
        [
            ("conv1", "kernel_initializer.stddev", 1e-4, "layers-80sec"),
            ("conv2 conv3", "kernel_initializer.stddev", 0.01, "layers-80sec"),
            ("fc64 fc10", "kernel_initializer.stddev", 0.1, "layers-80sec"),
            ("conv1 conv2", "filters", 32, "layers-80sec"),
            ("conv3", "filters", 64, "layers-80sec"),
        ],
    ),
    *[
        (
            lambda name=name: applications.CudaConvNet(name),
            [
                ("conv1", "kernel_initializer.stddev", 1e-4, name),
                ("conv2 conv3 fc10", "kernel_initializer.stddev", 0.01, name),
                ("conv1 conv2", "filters", 32, name),
                ("conv3", "filters", 64, name),
                *rnorm,
            ],
        )
        for name, rnorm in [
            ("19pct", []),
            (
                "18pct",
                [
                    ("rnorm1 rnorm2", "size", 3, "18pct: size 3"),
                    ("rnorm1 rnorm2", "bias", 1.0, "18pct"),
                    ("rnorm1 rnorm2", "alpha", 0.00005 / 9, "18pct: scale, divided by 3 ** 2"),
                    ("rnorm1 rnorm2", "beta", 0.75, "18pct: pow"),
                ],
            ),
        ]
    ],
    *[
        (
            lambda name=name: applications.CudaConvNet(name, input_shape=(24, 24, 3)),
            [
                ("conv1", "kernel_initializer.stddev", 1e-4, name),
                ("conv2 fc10", "kernel_initializer.stddev", 0.01, name),
                ("local3 local4", "kernel_initializer.stddev", 0.04, name),
                ("conv1 conv2", "filters", 64, name),
                ("conv1 conv2", "kernel_size", (5, 5), name),
                ("local3", "filters", maps, name),
                ("local4", "filters", 32, name),
                ("pool1 pool2", "pool_size", (3, 3), name),
                ("pool1 pool2", "strides", (2, 2), name),
                *rnorm,
            ],
        )
        for name, maps, rnorm in [
            ("13pct", 32, []),
            (
                "11pct",
                64,
                [
                    ("rnorm1 rnorm2", "depth_radius", 4, "11pct: size 9"),
                    ("rnorm1 rnorm2", "bias", 1.0, "11pct"),
                    ("rnorm1 rnorm2", "alpha", 0.001 / 9, "11pct: scale 0.001, divided by 9"),
                    ("rnorm1 rnorm2", "beta", 0.75, "11pct: pow"),
                ],
            ),
        ]
    ],
    (
        lambda: applications.ViT(
            "Mini/4", input_shape=(8, 8, 3), dropout=0.1, representation_size=128
        ),
        [
            ("dropout", "rate", 0.1, "appendix B.1"),
            ("encoder_block_1 encoder_block_6", "dropout", 0.1, "appendix B.1"),
            ("encoder_block_1 encoder_norm", "epsilon", 1e-6, "release"),
            ("pre_logits", "activation", "tanh", "section 3.1"),
        ],
    ),
]


@pytest.mark.parametrize(("build", "rows"), NETWORKS, ids=lambda x: "")
def test_numbers_within_a_network(build, rows):
    network = built(build)
    for names, path, value, section in rows:
        for name in names.split():
            found = number(network.get_layer(name).get_config(), path)
            assert found == value, (network.name, name, path, section)


def test_initial_values_of_a_transformer():
    """Release: positions of N(0, 0.02), biases in MLP of N(0, 1e-6), class token and head of 0."""
    vit = applications.ViT("Mini/4", input_shape=(32, 32, 3), classes=10)
    values = {weight.path: keras.ops.convert_to_numpy(weight) for weight in vit.weights}
    (positions,) = [v for path, v in values.items() if path.startswith("position_embedding")]
    assert positions.std() == pytest.approx(0.02, rel=0.05)
    biases = np.concatenate([v for p, v in values.items() if "mlp" in p and p.endswith("bias")])
    assert biases.std() == pytest.approx(1e-6, rel=0.05)
    zeros = [v for path, v in values.items() if path.startswith(("class_token", "predictions"))]
    assert len(zeros) == 3
    assert not any(v.any() for v in zeros)


# What a recipe makes: an image, between a split and the network.

RESCALED = ("Rescaling", {"scale": 1 / 127.5, "offset": -1})  # release: -1 to 1
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # timm's, of 0 to 1
IMAGENETS = (
    "Rescaling",
    {
        "scale": pytest.approx([1 / (255 * deviation) for deviation in DEVIATIONS]),
        "offset": pytest.approx([-m / d for m, d in zip(MEANS, DEVIATIONS, strict=True)]),
    },
)
JITTER = ("PCAColorJitter", {"sigma": 0.1, "reading": "deviation", "value_range": (0, 255)})
AREA = {"aspect": (3 / 4, 4 / 3)}
MIDDLE = [  # the middle 224 of 256 pixels
    ("RescaleShortSide", {"short_side": 256}),
    ("CenterCrop", {"height": 224, "width": 224}),
    RESCALED,
]
IN_TRAINING = {
    "lecun1989": [],
    "lenet1": [],
    "lenet5": [],
    "lenet4": [],
    "mlp": [],
    "alexnet": [  # sections 2 and 4.1
        ("RescaleShortSide", {"short_side": 256}),
        ("CenterCrop", {"height": 256, "width": 256}),
        JITTER,
        ("SubtractMean", {"per": "pixel"}),
        ("CropAndFlip", {"size": 224, "padding": 0}),
    ],
    "vgg": [  # section 3.1
        ("RescaleShortSide", {"short_side": (256, 512)}),
        ("CropAndFlip", {"size": 224, "padding": 0}),
        JITTER,
        ("SubtractMean", {"per": "channel"}),
    ],
    "googlenet": [  # section 6
        ("AreaAspectCrop", {"size": 224, "area": (0.08, 1.0), **AREA}),
        ("SubtractMean", {"per": "channel"}),
    ],
    "resnet": [  # section 3.4
        ("RescaleShortSide", {"short_side": (256, 480)}),
        ("CropAndFlip", {"size": 224, "padding": 0}),
        JITTER,
        ("SubtractMean", {"per": "pixel"}),
    ],
    "resnet_cifar": [  # section 4.2
        ("SubtractMean", {"per": "pixel"}),
        ("CropAndFlip", {"size": 32, "padding": 4}),
    ],
    "cuda_convnet": [("SubtractMean", {"per": "pixel"})],  # convdata.py
    "vit": [("AreaAspectCrop", {"size": 224, "area": (0.05, 1.0), **AREA}), RESCALED],
    "vit_finetune": [("AreaAspectCrop", {"size": 384, "area": (0.05, 1.0), **AREA}), RESCALED],
    "vit_augreg": [
        ("AreaAspectCrop", {"size": 224, "area": (0.05, 1.0), **AREA}),
        (
            "RandAugment",
            {"num_layers": 2, "magnitude": 15, "magnitude_std": 0, "increasing": False},
        ),
        RESCALED,
    ],
    "vit_deit": [  # Table 9, and its program's options
        ("AreaAspectCrop", {"size": 224, "area": (0.08, 1.0), **AREA}),
        (
            "RandAugment",
            {"num_layers": 2, "magnitude": 9, "magnitude_std": 0.5, "increasing": True},
        ),
        IMAGENETS,
        ("RandomErasing", {"share": 0.25, "area": (0.02, 1 / 3), "aspect": (0.3, 1 / 0.3)}),
    ],
    "vit_cifar": [
        ("RescaleShortSide", {"short_side": 32}),
        ("CenterCrop", {"height": 32, "width": 32}),
        ("CropAndFlip", {"size": 32, "padding": 4}),
        RESCALED,
    ],
    "vit_mnist": [
        ("RescaleShortSide", {"short_side": 28}),
        ("CenterCrop", {"height": 28, "width": 28}),
        ("PlanarDistortion", {"background": 0.0, "share": 0.9}),
        RESCALED,
    ],
}
IN_TRAINING["alexnet_one_gpu"] = IN_TRAINING["alexnet"]
IN_THE_TEST = {
    # Section 3.2: between the sides of the jitter. Its tables are of whole images.
    "vgg": [
        ("RescaleShortSide", {"short_side": 384}),
        ("CropAndFlip", {"size": 224}),
        ("PCAColorJitter", {}),
        ("SubtractMean", {"per": "channel"}),
    ],
    "resnet": [  # the middle 224 of 256 pixels: its authors' README
        ("RescaleShortSide", {"short_side": 256}),
        ("CropAndFlip", {"size": 224}),
        ("PCAColorJitter", {}),
        ("SubtractMean", {"per": "pixel"}),
    ],
    "googlenet": [
        ("RescaleShortSide", {"short_side": 256}),
        ("CropAndFlip", {"size": 224}),
        ("SubtractMean", {"per": "channel"}),
    ],
    "vit": MIDDLE,
    "vit_augreg": MIDDLE,
    "vit_deit": [*MIDDLE[:-1], IMAGENETS],
    "vit_finetune": [RESCALED, ("Resizing", {"height": 384, "width": 384})],
    "vit_cifar": [*IN_TRAINING["vit_cifar"][:2], RESCALED],
    "vit_mnist": [*IN_TRAINING["vit_mnist"][:2], RESCALED],
}


def check_layers(found, printed):
    assert [type(layer).__name__ for layer in found] == [kind for kind, _ in printed]
    for layer, (kind, values) in zip(found, printed, strict=True):
        config = layer.get_config()
        assert {k: config[k] for k in values} == values, kind


@pytest.mark.parametrize("name", RECIPES)
def test_layers_in_training(name):
    recipe = RECIPES[name]
    check_layers([*recipe.layers(True), *recipe.device_layers(0)], IN_TRAINING[name])


@pytest.mark.parametrize("name", IN_THE_TEST)
def test_layers_in_the_test(name):
    check_layers(RECIPES[name].layers(False), IN_THE_TEST[name])


@pytest.mark.parametrize(
    ("name", "plane", "box", "paper", "ink"),
    [
        ("lecun1989", 16, 16, -1.0, 1.0),  # sections 2.2 and 3.3
        ("lenet1", 28, 16, -1.0, 1.0),  # section 3, figure 3
        ("lenet5", 32, 20, -0.1, 1.175),  # sections II.B and III.A
        ("lenet4", 32, 20, -0.1, 1.175),
        ("mlp", 28, 20, -0.1, 1.175),  # figure 9
    ],
)
def test_planes_of_digits(name, plane, box, paper, ink):
    recipe, black = RECIPES[name], np.zeros((1, 28, 28, 1), "float32")
    black[0, 4:24, 4:24] = 1
    split = datasets.Digits(black, [1], box=20)
    data = datasets.Images("one", datasets.Digits.classes, split, split, held="test")
    (image,) = recipe.splits(data)["train"].images
    assert image.shape == (plane, plane, 1) == recipe.input_shape
    assert image.max() == pytest.approx(ink)
    np.testing.assert_allclose(image[image < (paper + ink) / 2], paper)
    assert (image > (paper + ink) / 2).sum() == box**2
    distorts = dataclasses.replace(recipe, distortions=True).layers(True)
    # Section III.B: 540,000 of 600,000 images are distorted; the ranges are ours.
    ranges = {"shift": 2.0, "scale": 0.15, "squeeze": 0.15, "shear": 0.3}
    check_layers(distorts, [("PlanarDistortion", {"background": paper, "share": 0.9, **ranges})])


def test_digits_as_mnist_has_them():
    """Boxes of 20x20 on 28x28, from 0 to 255."""
    ink = np.ones((1, 20, 20, 1), "float32")
    split = datasets.Digits(ink, [1], box=20)
    data = datasets.Images("one", datasets.Digits.classes, split, split, held="test")
    (image,) = RECIPES["vit_mnist"].splits(data)["train"].images
    assert (image.shape, image.max(), (image > 127).sum()) == ((28, 28, 1), 255, 400)


def test_the_order_of_the_images():
    """1989, section 4, and 1998, section III.B: a constant order. The others: a new one."""
    kept = {name for name, recipe in RECIPES.items() if not recipe.shuffles}
    assert kept == set(DIGIT_RECIPES)


def test_what_is_built():
    """Section 5 of GoogLeNet: auxiliary classifiers. ViT, section 3.1: a hidden layer of D."""
    with keras.StatelessScope(initialize_variables=False):
        network = RECIPES["googlenet"].build(input_shape=(65, 65, 3), classes=2)
        small = dataclasses.replace(RECIPES["vit"], network="vit_mini4")
        vit = small.build(input_shape=(8, 8, 3), classes=2)
    assert set(network.output) == {"predictions", "auxiliary_4a", "auxiliary_4d"}
    assert vit.get_layer("pre_logits").units == 128
    assert vit.get_layer("dropout").rate == 0.1


# The update rule, the loss and the learning rate.

SGD = {"momentum": 0.9, "nesterov": False, "use_ema": False, "global_clipnorm": None}
SGD |= {"exempt": [], "multipliers": {}}
ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "use_ema": False}
RULES = {
    "lecun1989": ("StochasticDiagonalLM", {"mu": 0.02}),
    "lenet1": ("StochasticDiagonalLM", {"mu": 0.02}),
    "lenet5": ("StochasticDiagonalLM", {"mu": 0.02}),
    "lenet4": ("StochasticDiagonalLM", {"mu": 0.002}),
    "mlp": ("StochasticDiagonalLM", {"mu": 0.02}),
    "alexnet": ("CoupledSGD", SGD | {"weight_decay": 5e-4, "exempt": ["bias"]}),
    "alexnet_one_gpu": ("CoupledSGD", SGD | {"weight_decay": 5e-4, "exempt": ["bias"]}),
    "vgg": ("CoupledSGD", SGD | {"weight_decay": 5e-4, "exempt": ["bias"]}),
    "googlenet": (
        "CoupledSGD",
        SGD | {"weight_decay": 2e-4, "exempt": ["bias"], "use_ema": True, "ema_momentum": 0.9999},
    ),
    "resnet": ("CoupledSGD", SGD | {"weight_decay": 1e-4}),
    "resnet_cifar": ("CoupledSGD", SGD | {"weight_decay": 1e-4}),
    "cuda_convnet": (
        "CoupledSGD",
        SGD
        | {
            "weight_decay": dict.fromkeys(("conv1", "conv2", "conv3"), 0.004)
            | dict.fromkeys(("fc64", "fc10"), 0.03),
            "exempt": ["bias"],
            "multipliers": {"bias": 2.0},
        },
    ),
    "vit": ("ClippedAdamW", ADAM | {"weight_decay": 0.3, "global_clipnorm": 1.0}),
    "vit_finetune": (
        "ClippedSGD",
        {"momentum": 0.9, "weight_decay": None, "global_clipnorm": 1.0, "use_ema": False},
    ),
    "vit_augreg": ("ClippedAdamW", ADAM | {"weight_decay": 0.1, "global_clipnorm": 1.0}),
    "vit_deit": ("ClippedAdamW", ADAM | {"weight_decay": 0.05, "global_clipnorm": None}),
    "vit_cifar": ("ClippedAdamW", ADAM | {"weight_decay": 0.1, "global_clipnorm": 1.0}),
    "vit_mnist": ("ClippedAdamW", ADAM | {"weight_decay": 0.1, "global_clipnorm": 1.0}),
}


@pytest.fixture(scope="module")
def anything():
    """A network that takes any rule."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


@pytest.mark.parametrize("name", RECIPES)
def test_update_rules(name, anything):
    kind, values = RULES[name]
    rule = RECIPES[name].update_rule(200_000, anything)
    config = rule.get_config()
    assert type(rule).__name__ == kind
    assert {k: config[k] for k in values} == values


# Learning rates by steps; of the digits and of GoogLeNet by epochs, from 0.
A_DIGIT = dict.fromkeys(range(13), 5e-4) | dict.fromkeys(range(14, 18), 2e-4) | {19: 1e-4, 22: 1e-4}
VIT_STEPS = 300 * (IMAGENET // 4096)
RATES = [
    ("lecun1989", None, A_DIGIT),
    ("lenet1", None, {0: 5e-4, 17: 5e-4, 18: 2e-4, 23: 2e-4, 24: 1e-4, 29: 1e-4}),
    *[
        (name, None, {p: 16 * eta / over for p, eta in enumerate(LENET5_RATES)})
        for name, over in (("lenet5", 4), ("lenet4", 1), ("mlp", 4))
    ],
    ("alexnet", None, {0: 0.01}),
    ("alexnet_one_gpu", None, {0: 0.01}),
    ("vgg", None, {0: 0.01}),
    ("googlenet", None, {0: 0.01, 7: 0.01, 8: 0.0096, 16: 0.009216, 80: 0.01 * 0.96**10}),
    ("resnet", None, {0: 0.1}),
    ("resnet_cifar", 64_000, {0: 0.1, 31_999: 0.1, 32_000: 0.01, 47_999: 0.01, 48_000: 0.001}),
    ("cuda_convnet", 10 * 391, {0: 1e-3, 8 * 391 - 1: 1e-3, 8 * 391: 1e-4, 10 * 391 - 1: 1e-4}),
    ("vit", VIT_STEPS, {1: 3e-7, 5000: 1.5e-3, 10_000: 3e-3, VIT_STEPS: 0}),
    ("vit", VIT_STEPS, {(VIT_STEPS + 10_000) // 2: 1.5e-3}),
    ("vit_finetune", 20_000, {250: 0.015, 500: 0.03, 10_250: 0.015, 20_000: 0}),
    ("vit_augreg", VIT_STEPS, {5000: 5e-4, 10_000: 1e-3, VIT_STEPS: 0}),
    ("vit_deit", 300 * 1251, {3000: 3000 / 6255e3, 6255: 1e-3, 300 * 1251: 0}),
    ("vit_cifar", 15_640, {500: 5e-4, 1000: 1e-3, 15_640: 0}),
    ("vit_mnist", 2345, {250: 5e-4, 500: 1e-3, 2345: 0}),
]


@pytest.mark.parametrize(("name", "steps", "rates"), RATES, ids=lambda x: x if str(x) == x else "")
def test_learning_rates(name, steps, rates, anything):
    recipe = RECIPES[name]
    if name in DIGIT_RECIPES:
        rate = recipe.learning_rate
    elif name == "googlenet":
        (callback,) = recipe.callbacks("val_accuracy", None, 0)
        rate = callback.schedule
    else:
        rule = recipe.update_rule(steps or 1, anything)
        rate = rule._learning_rate if steps else lambda step: rule.learning_rate
    for step, expected in rates.items():
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4, abs=1e-9), step


def test_the_linear_schedule_and_the_average_of_the_weights(anything):
    """Table 3 for other data sets; Table 2 for H/14."""
    linear = dataclasses.replace(RECIPES["vit"], schedule="linear", ema=0.9999)
    rate = linear.rate(50_000)
    found = [float(rate(step)) for step in (10_000, 20_000, 50_000)]
    assert found == pytest.approx([3e-3, 2.25e-3, 0])
    rule = linear.update_rule(50_000, anything)
    assert (rule.use_ema, rule.ema_momentum) == (True, 0.9999)


def test_how_long_the_papers_train():
    """Section 3.4 of ResNet: 600,000 steps of 256; 3.1 of VGG: 370,000; 4.2: 64,000 of 128."""
    for name, steps, images in [
        ("vgg", 370_000, IMAGENET),
        ("resnet", 600_000, IMAGENET),
        ("resnet_cifar", 64_000, 50_000),
        ("vit_finetune", 20_000, IMAGENET),
    ]:
        recipe = RECIPES[name]
        assert recipe.epochs == pytest.approx(steps * recipe.batch_size / images, abs=0.51)
    assert RECIPES["vit_deit"].warmup_steps == 5 * (IMAGENET // RECIPES["vit_deit"].batch_size)


@pytest.mark.parametrize(("name", "rate"), [("alexnet", 0.01), ("vgg", 0.01), ("resnet", 0.1)])
def test_drops_on_a_plateau(name, rate):
    (callback,) = RECIPES[name].callbacks("val_accuracy", None, 0)
    assert (callback.monitor, callback.mode) == ("val_accuracy", "max")
    assert (callback.factor, callback.patience, callback.min_delta) == (0.1, 5, 0)
    assert callback.min_lr == pytest.approx(rate / 1000)  # three drops


@pytest.mark.parametrize("depth", [20, 56, 110, 1202])
def test_slow_steps_of_deep_networks(depth):
    """Section 4.2: 0.01 for about 400 steps, for 110 layers."""
    rate = training.recipe(f"resnet{depth}_cifar").rate()
    first = 0.01 if depth >= 110 else 0.1
    found = [float(rate(step)) for step in (0, 399, 401, 31_999)]
    assert found == pytest.approx([first, first, 0.1, 0.1])


@pytest.mark.parametrize("name", DIGIT_RECIPES)
def test_curvatures_are_of_500_patterns(name):
    schedule, estimate = RECIPES[name].callbacks("", np.zeros((600, 1, 1, 1)), 0)
    assert isinstance(schedule, keras.callbacks.LearningRateScheduler)
    assert estimate.patterns == 500
    start = RECIPES[name].build(input_shape=RECIPES[name].input_shape, classes=10)
    config = start.layers[-1 if name != "lenet5" else -3].kernel_initializer.get_config()
    exponent = 1.0 if name in ("lecun1989", "lenet1") else 0.5
    assert (config["scale"], config["exponent"]) == (2.4, exponent)


def test_losses():
    for name in set(DIGIT_RECIPES) - {"lenet5"}:
        assert isinstance(RECIPES[name].loss_function(), keras.losses.MeanSquaredError)
        targets = RECIPES[name].targets(np.array([2]), 10)  # 1990, section 3
        np.testing.assert_array_equal(targets, [[-1, -1, 1, *[-1] * 7]])
    loss = RECIPES["lenet5"].loss_function()
    assert isinstance(loss, losses.MaximumAPosteriori)
    assert loss.j == 10
    assert RECIPES["googlenet"].loss_weights == {
        "predictions": 1.0,
        "auxiliary_4a": 0.3,
        "auxiliary_4d": 0.3,
    }
    smoothing = {"vit_deit": 0.1}
    for name in (name for name in RECIPES if name.startswith("vit")):
        config = RECIPES[name].loss_function().get_config()
        assert config.get("label_smoothing", 0.0) == smoothing.get(name, 0.0)
    assert isinstance(RECIPES["vit_augreg"].loss_function(), losses.SigmoidCrossentropy)
    for name in ("alexnet", "vgg", "googlenet", "resnet"):
        assert RECIPES[name].metrics()[1].k == 5


def test_mixtures(monkeypatch):
    monkeypatch.setattr(mixing, "mixing", lambda *arguments: arguments)
    expected = {"vit_augreg": (0.5, 0.0, 7), "vit_deit": (0.8, 1.0, 7)}  # MixUp, CutMix, seed
    assert {n: r.mix(7) for n, r in RECIPES.items() if r.mix(7)} == expected


# How a test image is read.


def test_views():
    """AlexNet: ten crops (4.1). VGG: three scales (4.2). GoogLeNet: 144 crops (7). ResNet: 3.4."""
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAvgPool2D()])
    found = {}
    for name, views in [("alexnet", "paper"), ("googlenet", "paper")]:
        recipe = dataclasses.replace(RECIPES[name], views=views)
        given = recipe.layers(False)
        before, reads = recipe.reader(network, given)
        assert before == (given[:-1] if name == "alexnet" else given[-1:])
        found[name] = (reads.views.__name__, reads.arguments)
    assert found == {
        "alexnet": ("ten_crop", {"size": 224}),
        "googlenet": ("googlenet_crops", {"size": 224}),
    }
    whole = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAvgPool2D()])
    mean = preprocessing.SubtractMean("pixel")
    mean.build((None, 8, 8, 3))
    mean.average.assign(np.zeros((8, 8, 3)))
    for views, arguments in [
        ("paper", {"size": 224}),
        ("scales", {"short_sides": (224, 256, 384, 480, 640)}),
    ]:
        recipe = dataclasses.replace(RECIPES["resnet"], views=views)
        before, reads = recipe.reader(whole, [mean])
        assert reads.arguments == arguments
        if views == "paper":
            assert before[0].short_side == 256
    scales = {(256, 512): (256, 384, 512), (256,): (224, 256, 288), (384,): (352, 384, 416)}
    for short_side, expected in scales.items():
        assert dataclasses.replace(RECIPES["vgg"], short_side=short_side).scales() == expected


def test_crops_of_a_test_image():
    """Ten crops of AlexNet; of GoogLeNet 4 scales, 3 squares, 6 crops, and mirrored."""
    image = np.zeros((1, 256, 300, 3), "float32")
    assert preprocessing.ten_crop(image).shape == (1, 10, 224, 224, 3)
    assert preprocessing.googlenet_crops(image, size=32).shape == (1, 4 * 3 * 6 * 2, 32, 32, 3)
    sides = [view.shape[1:3] for view in preprocessing.whole_images(image[:, :, :256])]
    assert sides == [(2, side) for side in (256, 384, 512)]


# The networks of cuda-convnet, whose files differ.


@pytest.mark.parametrize(
    ("name", "epochs", "rates", "decays", "side"),
    [
        ("80sec", 10, {7: 1e-3, 8: 1e-4, 9: 1e-4}, (0.004, 0.004, 0.004, 0.03, 0.03), 32),
        ("19pct", 140, {119: 1e-3, 120: 1e-4, 130: 1e-5}, (0.004, 0.004, 0.004, 3), 32),
        ("18pct", 140, {119: 1e-3, 120: 1e-4, 130: 1e-5}, (0.004, 0.004, 0.004, 1), 32),
        ("13pct", 160, {139: 1e-3, 140: 1e-4, 150: 1e-5}, (0, 0, 0.004, 0.004, 0.004), 24),
        ("11pct", 520, {499: 1e-3, 500: 1e-4, 510: 1e-5}, (0, 0, 0.004, 0.004, 0.01), 24),
    ],
)
def test_the_training_of_cuda_convnet(name, epochs, rates, decays, side, anything):
    """The numbers of its files, also of those with crops of 24x24 and ten views."""
    recipe = training.recipe(f"cuda_convnet_{name}").settled()
    assert (recipe.epochs, recipe.weight_decays) == (epochs, decays)
    assert recipe.input_shape == (side, side, 3)
    rule = recipe.update_rule(epochs * 391, anything)
    for epoch, rate in rates.items():
        for step in (epoch * 391, epoch * 391 + 390):
            assert float(rule._learning_rate(step)) == pytest.approx(rate, rel=1e-4)
    network = recipe.build(input_shape=recipe.input_shape, classes=10)
    layers = [layer.name for layer in network.layers if layer.trainable_weights]
    assert list(rule.coupled_weight_decay.items()) == list(zip(layers, decays, strict=True))
    if side == 24:
        crop = ("CropAndFlip", {"size": 24, "padding": 0})
        check_layers(recipe.layers(True), [crop, ("SubtractMean", {"per": "pixel"})])
        before, reads = recipe.reader(network, built(recipe.layers, False))
        assert (before, reads.views.__name__, reads.arguments) == ([], "ten_crop", {"size": 24})


def test_experiments():
    assert experiments.degradation.HELD_OUT == 5000  # section 4.2
    assert experiments.relu_vs_tanh.TARGET == 0.25  # figure 1
