"""The tables of He, Zhang, Ren & Sun, CVPR 2016."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training, Winner


def _imagenet(kind, depth, macs):
    """A column of Table 1; a stage is all of its blocks."""
    rows = [PaperRow("conv1", (112, 112, 64), "Table 1")]
    for stage, side in enumerate((56, 28, 14, 7), start=2):
        channels = 2**stage * (16 if depth < 50 else 64)
        rows.append(PaperRow(f"conv{stage}_x", (side, side, channels), "Table 1"))
    rows.append(PaperRow("predictions", (1000,), "Table 1"))
    rows.append(PaperRow("total", None, "Table 1", macs=macs))
    return Table(tuple(rows), f"{kind} with {depth} layers")


def _cifar(kind, depth, parameters):
    """Section 4.2, where a plain network has as many parameters as the residual one."""
    rows = [PaperRow("conv1", (32, 32, 16), "section 4.2")]
    for stage, (side, channels) in enumerate([(32, 16), (16, 32), (8, 64)], start=2):
        rows.append(PaperRow(f"conv{stage}_x", (side, side, channels), "section 4.2"))
    rows.append(PaperRow("predictions", (10,), "section 4.2"))
    rows.append(PaperRow("total", None, "Table 6", parameters=parameters))
    return Table(tuple(rows), f"{kind} with {depth} layers for CIFAR-10")


TABLES = {
    "plain18": _imagenet("plain", 18, "1.8 billion"),
    "plain34": _imagenet("plain", 34, "3.6 billion"),
    "resnet18": _imagenet("residual", 18, "1.8 billion"),
    "resnet34": _imagenet("residual", 34, "3.6 billion"),
    "resnet50": _imagenet("residual", 50, "3.8 billion"),
    "resnet101": _imagenet("residual", 101, "7.6 billion"),
    "resnet152": _imagenet("residual", 152, "11.3 billion"),
    "plain20_cifar": _cifar("plain", 20, "0.27M"),
    "plain32_cifar": _cifar("plain", 32, "0.46M"),
    "plain44_cifar": _cifar("plain", 44, "0.66M"),
    "plain56_cifar": _cifar("plain", 56, "0.85M"),
    "resnet20_cifar": _cifar("residual", 20, "0.27M"),
    "resnet32_cifar": _cifar("residual", 32, "0.46M"),
    "resnet44_cifar": _cifar("residual", 44, "0.66M"),
    "resnet56_cifar": _cifar("residual", 56, "0.85M"),
    "resnet110_cifar": _cifar("residual", 110, "1.7M"),
    "resnet1202_cifar": _cifar("residual", 1202, "19.4M"),
}

VALIDATION, TEST = "ImageNet, validation", "ImageNet, test"
TEN = "10 crops"
SCALES = "whole images, 224 to 640"
README = "the authors' README"  # github.com/KaimingHe/deep-residual-networks
# System, top-1 and top-5 error, network.
Row = tuple[str, float | None, float | None, str | None]
TABLE_2: list[Row] = [
    ("plain-18", 27.94, None, "plain18"),
    ("ResNet-18, shortcuts A", 27.88, None, "resnet18"),
    ("plain-34", 28.54, None, "plain34"),
    ("ResNet-34, shortcuts A", 25.03, None, "resnet34"),
]
TABLE_3: list[Row] = [
    ("VGG-16", 28.07, 9.33, "vgg16"),
    ("GoogLeNet", None, 9.15, "googlenet"),
    ("PReLU-net", 24.27, 7.38, None),
    ("plain-34", 28.54, 10.02, "plain34"),
    ("ResNet-34, shortcuts A", 25.03, 7.76, "resnet34"),
    ("ResNet-34, shortcuts B", 24.52, 7.46, "resnet34"),
    ("ResNet-34, shortcuts C", 24.19, 7.40, "resnet34"),
    ("ResNet-50", 22.85, 6.71, "resnet50"),
    ("ResNet-101", 21.75, 6.05, "resnet101"),
    ("ResNet-152", 21.43, 5.71, "resnet152"),
]
TABLE_4: list[Row] = [
    ("PReLU-net", 21.59, 5.71, None),
    ("BN-inception", 21.99, 5.81, None),
    ("ResNet-34, shortcuts B", 21.84, 5.71, "resnet34"),
    ("ResNet-34, shortcuts C", 21.53, 5.60, "resnet34"),
    ("ResNet-50", 20.74, 5.25, "resnet50"),
    ("ResNet-101", 19.87, 4.60, "resnet101"),
    ("ResNet-152", 19.38, 4.49, "resnet152"),
]
ONE_CROP: list[Row] = [
    ("ResNet-50", 24.7, 7.8, "resnet50"),
    ("ResNet-101", 23.6, 7.1, "resnet101"),
    ("ResNet-152", 23.0, 6.7, "resnet152"),
]
# System, top-5 error of several networks.
TABLE_5 = [
    ("VGG, ILSVRC-2014", 7.32),
    ("GoogLeNet, ILSVRC-2014", 6.66),
    ("VGG, version 5", 6.8),
    ("PReLU-net", 4.94),
    ("BN-inception", 4.82),
]
# System, error, network.
TABLE_6 = [
    ("Maxout", 9.38, None),
    ("NIN", 8.81, None),
    ("DSN", 8.22, None),
    ("FitNet, 19 layers", 8.39, None),
    ("Highway, 19 layers", 7.54, None),
    ("Highway, 32 layers", 8.80, None),
    ("ResNet, 20 layers", 8.75, "resnet20_cifar"),
    ("ResNet, 32 layers", 7.51, "resnet32_cifar"),
    ("ResNet, 44 layers", 7.17, "resnet44_cifar"),
    ("ResNet, 56 layers", 6.97, "resnet56_cifar"),
    ("ResNet, 110 layers", 6.43, "resnet110_cifar"),
    ("ResNet, 1202 layers", 7.93, "resnet1202_cifar"),
]
MEANS = {
    "Highway, 19 layers": "the best of several; 7.72 +- 0.16",
    "ResNet, 110 layers": "the best of five; 6.61 +- 0.16",
}


def _validated(rows, protocol, source):
    for system, top1, top5, network in rows:
        yield Result(system, VALIDATION, protocol, top1, top5, source, network)


RESULTS = (
    *_validated(TABLE_2, TEN, "Table 2"),
    *_validated(TABLE_3, TEN, "Table 3"),
    *_validated(TABLE_4, SCALES, "Table 4"),
    Result("ResNets, six networks", TEST, SCALES, None, 3.57, "Table 5", models=6),
    *(Result(s, TEST, "", None, error, "Table 5", models=None) for s, error in TABLE_5),
    *_validated(ONE_CROP, "center crop", README),
    *(
        Result(s, "CIFAR-10, test", "", e, None, "Table 6", net, note=MEANS.get(s, ""))
        for s, e, net in TABLE_6
    ),
)
TRAININGS = {
    **dict.fromkeys(
        [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)], Training("8 GPUs", None, README)
    ),
    **dict.fromkeys(
        [f"resnet{depth}_cifar" for depth in (20, 32, 44, 56, 110, 1202)],
        Training("2 GPUs", None, "section 4.2"),
    ),
}
WINNERS = (Winner(2015, "ResNet", 3.57, "Table 5", "resnet152"),)
