"""The tables of Simonyan & Zisserman, ICLR 2015."""

from keras_classics.analysis.tables import PaperRow, Table

CHANNELS = (64, 128, 256, 512, 512)  # of the stages


def _column(configuration, convolutions, parameters):
    """A column of Table 1, by the convolutions of each stage; the parameters are Table 2's."""
    rows = []
    side = 224
    for s, (n, channels) in enumerate(zip(convolutions, CHANNELS, strict=True), start=1):
        names = [f"conv{s}_{i}" for i in range(1, n + 1)]
        names += ["lrn1"] if (configuration, s) == ("A-LRN", 1) else []
        rows += [PaperRow(name, (side, side, channels), "Table 1") for name in names]
        side //= 2
        rows.append(PaperRow(f"pool{s}", (side, side, channels), "Table 1"))
    for name, units in [("fc6", 4096), ("fc7", 4096), ("predictions", 1000)]:
        rows.append(PaperRow(name, (units,), "Table 1"))
    rows.append(PaperRow("total", None, "Table 2", parameters=parameters))
    return Table(tuple(rows), f"configuration {configuration}")


TABLES = {
    "vgg11": _column("A", (1, 1, 2, 2, 2), "133M"),
    "vgg_a_lrn": _column("A-LRN", (1, 1, 2, 2, 2), "133M"),
    "vgg13": _column("B", (2, 2, 2, 2, 2), "133M"),
    "vgg_c": _column("C", (2, 2, 3, 3, 3), "134M"),
    "vgg16": _column("D", (2, 2, 3, 3, 3), "138M"),
    "vgg19": _column("E", (2, 2, 4, 4, 4), "144M"),
}
