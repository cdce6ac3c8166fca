"""The tables of He, Zhang, Ren & Sun, CVPR 2016."""

from keras_classics.analysis.tables import PaperRow, Table


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
