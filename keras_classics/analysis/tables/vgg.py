"""The tables of Simonyan & Zisserman, ICLR 2015."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training, Winner

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

VALIDATION, TEST = "ILSVRC, validation", "ILSVRC, test"
NAMES = {"A": "vgg11", "A-LRN": "vgg_a_lrn", "B": "vgg13", "C": "vgg_c", "D": "vgg16", "E": "vgg19"}
# Configuration, shorter side in training and in the test, top-1 and top-5 error.
TABLE_3 = [
    ("A", "256", "256", 29.6, 10.4),
    ("A-LRN", "256", "256", 29.7, 10.5),
    ("B", "256", "256", 28.7, 9.9),
    ("C", "256", "256", 28.1, 9.4),
    ("C", "384", "384", 28.1, 9.3),
    ("C", "256 to 512", "384", 27.3, 8.8),
    ("D", "256", "256", 27.0, 8.8),
    ("D", "384", "384", 26.8, 8.7),
    ("D", "256 to 512", "384", 25.6, 8.1),
    ("E", "256", "256", 27.3, 9.0),
    ("E", "384", "384", 26.9, 8.7),
    ("E", "256 to 512", "384", 25.5, 8.0),
]
TABLE_4 = [
    ("B", "256", "224, 256, 288", 28.2, 9.6),
    ("C", "256", "224, 256, 288", 27.7, 9.2),
    ("C", "384", "352, 384, 416", 27.8, 9.2),
    ("C", "256 to 512", "256, 384, 512", 26.3, 8.2),
    ("D", "256", "224, 256, 288", 26.6, 8.6),
    ("D", "384", "352, 384, 416", 26.5, 8.6),
    ("D", "256 to 512", "256, 384, 512", 24.8, 7.5),
    ("E", "256", "224, 256, 288", 26.9, 8.7),
    ("E", "384", "352, 384, 416", 26.7, 8.6),
    ("E", "256 to 512", "256, 384, 512", 24.8, 7.5),
]
# Configuration, way of testing at 256, 384 and 512, top-1 and top-5 error.
TABLE_5 = [
    ("D", "dense", 24.8, 7.5),
    ("D", "multi-crop", 24.6, 7.5),
    ("D", "multi-crop and dense", 24.4, 7.2),
    ("E", "dense", 24.8, 7.5),
    ("E", "multi-crop", 24.6, 7.4),
    ("E", "multi-crop and dense", 24.4, 7.1),
]
# System, way of testing, number of networks; top-1 and top-5 on validation, top-5 in the test.
Row = tuple[str, str, int | None, float | None, float | None, float | None]
TABLE_6: list[Row] = [
    ("submission to ILSVRC", "dense", 7, 24.7, 7.5, 7.3),
    ("D and E", "dense", 2, 24.0, 7.1, 7.0),
    ("D and E", "multi-crop", 2, 23.9, 7.2, None),
    ("D and E", "multi-crop and dense", 2, 23.7, 6.8, 6.8),
]
TABLE_7: list[Row] = [
    ("VGG, 1 network", "multi-crop and dense", 1, 24.4, 7.1, 7.0),
    ("GoogLeNet, 1 network", "", 1, None, 7.9, None),
    ("GoogLeNet, 7 networks", "", 7, None, 6.7, 6.7),
    ("MSRA, 11 networks", "", 11, None, None, 8.1),
    ("MSRA, 1 network", "", 1, 27.9, 9.1, 9.1),
    ("Clarifai, several networks", "", None, None, None, 11.7),
    ("Clarifai, 1 network", "", 1, None, None, 12.5),
    ("Zeiler & Fergus, 6 networks", "", 6, 36.0, 14.7, 14.8),
    ("Zeiler & Fergus, 1 network", "", 1, 37.5, 16.0, 16.1),
    ("OverFeat, 7 networks", "", 7, 34.0, 13.2, 13.6),
    ("OverFeat, 1 network", "", 1, 35.7, 14.2, None),
    ("Krizhevsky et al., 5 networks", "", 5, 38.1, 16.4, 16.4),
    ("Krizhevsky et al., 1 network", "", 1, 40.7, 18.2, None),
]


def _scales(table, rows):
    return [
        Result(
            f"{configuration}, trained at {trained}",
            VALIDATION,
            f"dense, {tested}",
            top1,
            top5,
            table,
            NAMES[configuration],
        )
        for configuration, trained, tested, top1, top5 in rows
    ]


def _both_parts(table, rows):
    """A row has errors on two parts of the data."""
    for system, way, models, top1, top5, test in rows:
        for part, first, five in [(VALIDATION, top1, top5), (TEST, None, test)]:
            if five is not None:
                yield Result(system, part, way, first, five, table, models=models)


RESULTS = (
    *_scales("Table 3", TABLE_3),
    *_scales("Table 4", TABLE_4),
    *(
        Result(
            f"{configuration}, trained at 256 to 512",
            VALIDATION,
            f"{way}, 256, 384, 512",
            top1,
            top5,
            "Table 5",
            NAMES[configuration],
        )
        for configuration, way, top1, top5 in TABLE_5
    ),
    *_both_parts("Table 6", TABLE_6),
    *_both_parts("Table 7", TABLE_7),
)
TRAININGS = dict.fromkeys(NAMES.values(), Training("4 Titan Black", "2 to 3 weeks", "section 3.3"))
WINNERS = (Winner(2014, "VGG", 7.3, "Table 7", "vgg19"),)
