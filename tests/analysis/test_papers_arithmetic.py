"""What the layers of a network cost, part by part: derived from the papers' widths."""

import pytest

from keras_classics import applications, backend
from keras_classics.analysis import count

# Of each layer: parameters, connections and multiply-adds; `None` where no paper counts.
ROWS = {
    "LeCun1989": {  # section 3.3; a shared kernel and a bias for each unit
        "H1_kernels": (300, None, 19_200),
        "H2_kernels": (2_400, None, 38_400),
        "H3": (5_790, 5_790, 5_760),
        "output": (310, 310, 300),
    },
    "LeNet1": {  # section 3
        "H1": (104, 59_904, 57_600),
        "H2": (8, 2_880, 576),
        "H3": (512, 32_768, 32_000),
        "H4": (24, 960, 192),
        "output": (1_930, 1_930, 1_920),
    },
    "AlexNet": {  # section 3.5
        "conv1": (34_944, None, 105_415_200),
        "conv2": (307_456, None, 223_948_800),
        "conv3": (885_120, None, 149_520_384),
        "conv4": (663_936, None, 112_140_288),
        "conv5": (442_624, None, 74_760_192),
        "fc6": (37_752_832, None, 37_748_736),
        "fc7": (16_781_312, None, 16_777_216),
        "predictions": (4_097_000, None, 4_096_000),
    },
}
MODULES = {  # weights, and millions of multiply-adds (Table 1)
    "conv1": (9_408, 118.0),
    "conv2": (114_688, 359.7),
    "inception_3a": (163_328, 128.05),
    "inception_3b": (388_096, 304.27),
    "inception_4a": (375_552, 73.61),
    "inception_4b": (448_512, 87.91),
    "inception_4c": (509_440, 99.85),
    "inception_4d": (604_672, 118.52),
    "inception_4e": (867_328, 170.00),
    "inception_5a": (1_042_432, 51.08),
    "inception_5b": (1_442_816, 70.70),
    "predictions": (1_024_000, 1.02),
}
RESNETS = [  # parameters of the convolutions, of batch normalization and of the last layer
    ("PlainNet", 18, {}, (10_994_880, 7_808, 513_000)),
    ("ResNet", 18, {"shortcut": "A"}, (10_994_880, 7_808, 513_000)),
    ("ResNet", 18, {}, (11_166_912, 9_600, 513_000)),
    ("ResNet", 34, {"shortcut": "A"}, (21_095_616, 15_232, 513_000)),
    ("ResNet", 34, {}, (21_267_648, 17_024, 513_000)),
    ("ResNet", 34, {"shortcut": "C"}, (22_181_056, 22_784, 513_000)),
    ("ResNet", 50, {}, (23_454_912, 53_120, 2_049_000)),
    ("ResNet", 101, {}, (42_394_816, 105_344, 2_049_000)),
    ("ResNet", 152, {}, (57_992_384, 151_424, 2_049_000)),
]
CIFAR = {20: 268_346, 32: 461_882, 44: 655_418, 56: 848_954, 110: 1_719_866}  # but for the norms
VGGS = {  # parameters and multiply-adds of the convolutions
    "A": (9_220_480, 7_485_456_384),
    "B": (9_404_992, 11_184_832_512),
    "C": (9_996_096, 11_647_254_528),
    "D": (14_714_688, 15_346_630_656),
    "E": (20_024_384, 19_508_428_800),
}
VITS = {  # multiply-adds by a weight: all but the two products of attention
    "Ti/16": 1_074_851_328,
    "S/16": 4_241_218_560,
    "S/32": 1_119_869_952,
    "B/16": 16_848_500_736,
    "B/32": 4_363_106_304,
    "L/16": 59_647_172_608,
    "L/32": 15_254_659_072,
    "H/14": 161_884_375_040,
}


def rows(builder, *arguments, **more):
    return count(backend.without_values(getattr(applications, builder), *arguments, **more))


@pytest.mark.parametrize("builder", ROWS)
def test_layers(builder):
    found = {row.name: row for row in rows(builder)}
    for name, (parameters, connections, macs) in ROWS[builder].items():
        row = found[name]
        assert (row.parameters, row.macs) == (parameters, macs), name
        assert connections in (None, row.connections), name


def test_a_subsampling_unit_multiplies_once():
    """LeNet-5's 328,096; LeNet-1 has 94,592 where each of the four inputs of a unit counts."""
    lenet1 = {row.name: row for row in rows("LeNet1")}
    assert sum(row.macs for row in lenet1.values()) == 92_288
    units = 4 * 12 * 12 + 12 * 4 * 4
    assert lenet1["H2"].macs + lenet1["H4"].macs == units
    assert 92_288 + 3 * units == 94_592


def test_alexnet_of_one_tower():
    one = {row.name: row.parameters for row in rows("AlexNet", towers=1)}
    assert (one["conv2"], one["conv4"], one["conv5"]) == (614_656, 1_327_488, 884_992)
    two = {row.name: row.parameters for row in rows("AlexNet")}
    dense = sum(two[name] for name in ("fc6", "fc7", "predictions"))
    assert round(100 * dense / sum(two.values()), 1) == 96.2
    shares = [round(100 * two[f"conv{i}"] / sum(two.values()), 2) for i in (3, 4)]
    assert shares == [1.45, 1.09]  # the paper: no more than 1 % each


def test_the_modules_of_googlenet():
    found = rows("GoogLeNet")
    for name, (weights, millions) in MODULES.items():
        own = [row for row in found if row.name.split("_reduce")[0].startswith(name)]
        assert sum(row.weights for row in own) == weights, name
        assert sum(row.macs for row in own) / 1e6 == pytest.approx(millions, abs=0.051), name
    assert sum(row.parameters - row.weights for row in found) == 8_280


@pytest.mark.parametrize(("builder", "depth", "arguments", "parts"), RESNETS)
def test_the_parts_of_resnet(builder, depth, arguments, parts):
    found = rows(builder, depth, **arguments)
    norms = sum(row.parameters for row in found if row.name.endswith("_bn"))
    last = found[-1].parameters
    assert (sum(row.parameters for row in found) - norms - last, norms, last) == parts


@pytest.mark.parametrize("depth", CIFAR)
def test_resnets_for_cifar_but_for_their_norms(depth):
    found = rows("ResNetCIFAR", depth)
    assert sum(row.parameters for row in found if not row.name.endswith("_bn")) == CIFAR[depth]


@pytest.mark.parametrize("configuration", VGGS)
def test_the_parts_of_vgg(configuration):
    found = rows("VGG", configuration)
    own = [row for row in found if row.name.startswith("conv")]
    total = (sum(row.parameters for row in own), sum(row.macs for row in own))
    assert total == VGGS[configuration]
    dense = sum(row.parameters for row in found if row.name.startswith(("fc", "predictions")))
    assert dense == 123_642_856


@pytest.mark.parametrize("variant", VITS)
def test_transformers_but_for_the_products_of_attention(variant):
    found = rows("ViT", variant)
    blocks = [row for row in found if row.name.startswith("encoder_block")]
    n, d = blocks[0].output_shape
    assert sum(row.macs for row in found) - len(blocks) * 2 * n * n * d == VITS[variant]
