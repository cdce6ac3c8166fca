"""The numbers that the papers print of their networks, row by row, with their source."""

import dataclasses
import functools
import re

from keras_classics import applications


@dataclasses.dataclass(frozen=True)
class PaperRow:
    """One row of a paper's table: what it prints, and `None` for what it does not.

    A number is an integer, which is exact, or the text as printed (`"0.27M"`, `"60 million"`).
    `note` is the reason where the network differs from the paper.
    """

    name: str
    output_shape: tuple | None
    source: str
    _: dataclasses.KW_ONLY
    units: int | str | None = None
    parameters: int | str | None = None
    weights: int | str | None = None
    connections: int | str | None = None
    macs: int | str | None = None
    note: str = ""


# K is GoogLeNet's: with 1,024, its "112K" and "1000K" are exactly the weights.
SCALES = {"K": 1_024, "M": 10**6, "million": 10**6, "billion": 10**9}


def agrees(number, printed):
    """Whether a number is the printed one.

    A text agrees within one unit of its last digit, since papers both round and truncate.
    """
    if printed is None or isinstance(printed, int):
        return printed in (None, number)
    digits, scale = re.fullmatch(r"([\d.]+) ?(\w+)", printed).groups()
    shift = 10 ** len(digits.partition(".")[2])
    return abs(number * shift - int(digits.replace(".", "")) * SCALES[scale]) <= SCALES[scale]


@dataclasses.dataclass(frozen=True)
class Paper:
    """A paper's network: how to build it, and its table with the total last."""

    title: str
    build: object
    rows: tuple


def _vgg(configuration, convolutions, parameters):
    """A column of Table 1: the convolutions of each stage; parameters are Table 2's."""
    rows = []
    side = 224
    widths = (64, 128, 256, 512, 512)
    for s, (n, maps) in enumerate(zip(convolutions, widths, strict=True), start=1):
        names = [f"conv{s}_{i}" for i in range(1, n + 1)]
        names += ["lrn1"] if (configuration, s) == ("A-LRN", 1) else []
        rows += [PaperRow(name, (side, side, maps), "Table 1") for name in names]
        side //= 2
        rows.append(PaperRow(f"pool{s}", (side, side, maps), "Table 1"))
    for name, units in [("fc6", 4096), ("fc7", 4096), ("predictions", 1000)]:
        rows.append(PaperRow(name, (units,), "Table 1"))
    rows.append(PaperRow("total", None, "Table 2", parameters=parameters))
    return Paper(
        f"Simonyan & Zisserman, ICLR 2015, configuration {configuration}",
        functools.partial(applications.VGG, configuration),
        tuple(rows),
    )


_CALLED = dict.fromkeys(("ResNet", "ResNetCIFAR"), "residual")
_CALLED |= dict.fromkeys(("PlainNet", "PlainNetCIFAR"), "plain")


def _resnet(kind, depth, macs):
    """A column of Table 1; a stage is all of its blocks."""
    rows = [PaperRow("conv1", (112, 112, 64), "Table 1")]
    for stage, side in enumerate((56, 28, 14, 7), start=2):
        maps = 2**stage * (16 if depth < 50 else 64)
        rows.append(PaperRow(f"conv{stage}_x", (side, side, maps), "Table 1"))
    rows.append(PaperRow("predictions", (1000,), "Table 1"))
    rows.append(PaperRow("total", None, "Table 1", macs=macs))
    return Paper(
        f"He, Zhang, Ren & Sun, CVPR 2016, {_CALLED[kind]} with {depth} layers",
        functools.partial(getattr(applications, kind), depth),
        tuple(rows),
    )


def _resnet_cifar(kind, depth, parameters):
    """Section 4.2, where a plain network has the residual one's number of parameters."""
    rows = [PaperRow("conv1", (32, 32, 16), "section 4.2")]
    for stage, (side, maps) in enumerate([(32, 16), (16, 32), (8, 64)], start=2):
        rows.append(PaperRow(f"conv{stage}_x", (side, side, maps), "section 4.2"))
    rows.append(PaperRow("predictions", (10,), "section 4.2"))
    rows.append(PaperRow("total", None, "Table 6", parameters=parameters))
    return Paper(
        f"He, Zhang, Ren & Sun, CVPR 2016, {_CALLED[kind]} with {depth} layers for CIFAR-10",
        functools.partial(getattr(applications, kind), depth),
        tuple(rows),
    )


_VIT = "Dosovitskiy et al., ICLR 2021"
_DEIT = "Touvron et al., ICML 2021"
_ONE_COUNT = "Table 1 prints one count for both patches, that of "


def _vit(variant, parameters=None, note="", paper=_VIT, table="Table 1"):
    """A row of a paper's table of sizes; the encoder is all of its blocks."""
    size, patch = variant.rpartition("+")[2].split("/")
    d, depth, mlp_dim, heads = applications.vit.SIZES[size]
    n = (224 // int(patch)) ** 2
    rows = [
        PaperRow("patch_embedding", (n, d), "eq. 1: HW/P^2 patches"),
        PaperRow("class_token", (n + 1, d), "eq. 1"),
        PaperRow("position_embedding", (n + 1, d), "eq. 1"),
        PaperRow(
            "encoder_block_x",
            (n + 1, d),
            f"eq. 2 and 3: {depth} layers, MLP {mlp_dim}, {heads} heads",
        ),
        PaperRow("encoder_norm", (d,), "eq. 4"),
        PaperRow("predictions", (1000,), "section 3.1"),
        PaperRow("total", None, table, parameters=parameters, note=note),
    ]
    if "+" in variant:
        root = PaperRow("conv_root", (112, 112, 64), "section 4.1: ResNet-50")
        stages = [(2, 56, 256), (3, 28, 512), (4, 14, 1024)]
        rows[:0] = [
            root,
            *(PaperRow(f"conv{i}_x", (x, x, maps), "section 4.1") for i, x, maps in stages),
        ]
    return Paper(
        f"{paper}, ViT-{variant}", functools.partial(applications.ViT, variant), tuple(rows)
    )


PAPERS = {
    "lecun1989": Paper(
        "LeCun et al., Neural Computation 1(4), 1989",
        applications.LeCun1989,
        (
            PaperRow("H1", (8, 8, 12), "section 3.3", parameters=1_068, connections=19_968),
            PaperRow("H2", (4, 4, 12), "section 3.3", parameters=2_592, connections=38_592),
            PaperRow("H3", (30,), "section 3.3", parameters=5_790, connections=5_790),
            PaperRow("output", (10,), "section 3.3", parameters=310, connections=310),
            PaperRow("total", None, "section 3.3", parameters=9_760, connections=64_660),
        ),
    ),
    "lenet1": Paper(
        "LeCun et al., NIPS 2, 1990",
        applications.LeNet1,
        (
            PaperRow("H1", (24, 24, 4), "section 3", parameters=104, connections=59_904),
            PaperRow("H2", (12, 12, 4), "section 3", parameters=8, connections=2_880),
            PaperRow("H3", (8, 8, 12), "section 3, Table 1", parameters=512, connections=32_768),
            PaperRow("H4", (4, 4, 12), "section 3", parameters=24, connections=960),
            PaperRow("output", (10,), "section 3", parameters=1_930, connections=1_930),
            PaperRow("total", None, "section 3", parameters=2_578, connections=98_442),
        ),
    ),
    "lenet5": Paper(
        "LeCun et al., Proc. IEEE 86(11), 1998",
        applications.LeNet5,
        (
            PaperRow("C1", (28, 28, 6), "section II.B", parameters=156, connections=122_304),
            PaperRow("S2", (14, 14, 6), "section II.B", parameters=12, connections=5_880),
            PaperRow(
                "C3", (10, 10, 16), "section II.B, Table I", parameters=1_516, connections=151_600
            ),
            PaperRow("S4", (5, 5, 16), "section II.B", parameters=32, connections=2_000),
            PaperRow("C5", (1, 1, 120), "section II.B", parameters=48_120, connections=48_120),
            PaperRow("F6", (84,), "section II.B", parameters=10_164, connections=10_164),
            PaperRow(
                "RBF",
                (10,),
                "section II.B, eq. 7: fixed, but in the total",
                parameters=0,
                connections=840,
            ),
            PaperRow(
                "total",
                None,
                "section II.B; figure 11 prints 401,000",
                parameters=60_000,
                connections=340_908,
            ),
        ),
    ),
    "alexnet": Paper(
        "Krizhevsky, Sutskever & Hinton, NIPS 2012",
        applications.AlexNet,
        (
            PaperRow(
                "conv1",
                (55, 55, 96),
                "figure 2",
                units=253_440,
                note="55 x 55 x 96 are 290,400; the caption's number is 55 x 48 x 96",
            ),
            PaperRow("conv2", (27, 27, 256), "figure 2", units=186_624),
            PaperRow("conv3", (13, 13, 384), "figure 2", units=64_896),
            PaperRow("conv4", (13, 13, 384), "figure 2", units=64_896),
            PaperRow("conv5", (13, 13, 256), "figure 2", units=43_264),
            PaperRow("fc6", (4096,), "figure 2", units=4_096),
            PaperRow("fc7", (4096,), "figure 2", units=4_096),
            PaperRow("predictions", (1000,), "figure 2", units=1_000),
            PaperRow(
                "total", None, "abstract; its 650,000 neurons are 659,272", parameters="60 million"
            ),
        ),
    ),
    "googlenet": Paper(
        "Szegedy et al., CVPR 2015",
        applications.GoogLeNet,
        (
            PaperRow(
                "conv1",
                (112, 112, 64),
                "Table 1",
                weights="2.7K",
                macs="34M",
                note="7x7x3x64 are 9.2K; 2.7K and 34M are those of a separable 7x7 of multiplier 8",
            ),
            PaperRow("pool1", (56, 56, 64), "Table 1"),
            PaperRow("conv2", (56, 56, 192), "Table 1", weights="112K", macs="360M"),
            PaperRow("pool2", (28, 28, 192), "Table 1"),
            PaperRow("inception_3a", (28, 28, 256), "Table 1", weights="159K", macs="128M"),
            PaperRow("inception_3b", (28, 28, 480), "Table 1", weights="380K", macs="304M"),
            PaperRow("pool3", (14, 14, 480), "Table 1"),
            PaperRow(
                "inception_4a",
                (14, 14, 512),
                "Table 1",
                weights="364K",
                macs="73M",
                note="the widths give 367K, and the ops it prints",
            ),
            PaperRow("inception_4b", (14, 14, 512), "Table 1", weights="437K", macs="88M"),
            PaperRow(
                "inception_4c",
                (14, 14, 512),
                "Table 1",
                weights="463K",
                macs="100M",
                note="the widths give 498K, and the ops it prints",
            ),
            PaperRow(
                "inception_4d",
                (14, 14, 528),
                "Table 1",
                weights="580K",
                macs="119M",
                note="the widths give 591K, and the ops it prints",
            ),
            PaperRow(
                "inception_4e",
                (14, 14, 832),
                "Table 1",
                weights="840K",
                macs="170M",
                note="the widths give 847K, and the ops it prints",
            ),
            PaperRow("pool4", (7, 7, 832), "Table 1"),
            PaperRow(
                "inception_5a",
                (7, 7, 832),
                "Table 1",
                weights="1072K",
                macs="54M",
                note="the widths give 1018K, 51M; 54M are those of a 5x5 reduction to 48, not 32",
            ),
            PaperRow(
                "inception_5b",
                (7, 7, 1024),
                "Table 1",
                weights="1388K",
                macs="71M",
                note="the widths give 1409K, and the ops it prints",
            ),
            PaperRow("avg_pool", (1024,), "Table 1"),
            PaperRow("predictions", (1000,), "Table 1", weights="1000K", macs="1M"),
            PaperRow("total", None, "section 1: the budget", macs="1.5 billion"),
        ),
    ),
    "plain18": _resnet("PlainNet", 18, "1.8 billion"),
    "plain34": _resnet("PlainNet", 34, "3.6 billion"),
    "resnet18": _resnet("ResNet", 18, "1.8 billion"),
    "resnet34": _resnet("ResNet", 34, "3.6 billion"),
    "resnet50": _resnet("ResNet", 50, "3.8 billion"),
    "resnet101": _resnet("ResNet", 101, "7.6 billion"),
    "resnet152": _resnet("ResNet", 152, "11.3 billion"),
    "plain20_cifar": _resnet_cifar("PlainNetCIFAR", 20, "0.27M"),
    "plain32_cifar": _resnet_cifar("PlainNetCIFAR", 32, "0.46M"),
    "plain44_cifar": _resnet_cifar("PlainNetCIFAR", 44, "0.66M"),
    "plain56_cifar": _resnet_cifar("PlainNetCIFAR", 56, "0.85M"),
    "resnet20_cifar": _resnet_cifar("ResNetCIFAR", 20, "0.27M"),
    "resnet32_cifar": _resnet_cifar("ResNetCIFAR", 32, "0.46M"),
    "resnet44_cifar": _resnet_cifar("ResNetCIFAR", 44, "0.66M"),
    "resnet56_cifar": _resnet_cifar("ResNetCIFAR", 56, "0.85M"),
    "resnet110_cifar": _resnet_cifar("ResNetCIFAR", 110, "1.7M"),
    "resnet1202_cifar": _resnet_cifar("ResNetCIFAR", 1202, "19.4M"),
    "vgg_a": _vgg("A", (1, 1, 2, 2, 2), "133M"),
    "vgg_a_lrn": _vgg("A-LRN", (1, 1, 2, 2, 2), "133M"),
    "vgg_b": _vgg("B", (2, 2, 2, 2, 2), "133M"),
    "vgg_c": _vgg("C", (2, 2, 3, 3, 3), "134M"),
    "vgg_d": _vgg("D", (2, 2, 3, 3, 3), "138M"),
    "vgg_e": _vgg("E", (2, 2, 4, 4, 4), "144M"),
    "vit_ti16": _vit("Ti/16", "5M", paper=_DEIT),
    "vit_s16": _vit("S/16", "22M", paper=_DEIT),
    "vit_s32": _vit("S/32", paper="Steiner et al., TMLR 2022", table="sizes of S/16"),
    "vit_b16": _vit("B/16", "86M"),
    "vit_b32": _vit("B/32", "86M", _ONE_COUNT + "B/16"),
    "vit_l16": _vit("L/16", "307M", _ONE_COUNT + "L/32"),
    "vit_l32": _vit("L/32", "307M"),
    "vit_h14": _vit("H/14", "632M"),
    "vit_r50_b16": _vit("R50+B/16", table="section 4.1"),
}
