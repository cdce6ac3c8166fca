"""The table of Krizhevsky, Sutskever & Hinton, NIPS 2012."""

from keras_classics.analysis.tables import PaperRow, Table

TABLES = {
    "alexnet": Table(
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
        )
    ),
    "alexnet_one_gpu": Table(
        (
            PaperRow("conv1", (55, 55, 48), "footnote 2"),
            PaperRow("conv2", (27, 27, 128), "footnote 2"),
            PaperRow("conv3", (13, 13, 192), "footnote 2"),
            PaperRow("conv4", (13, 13, 192), "footnote 2"),
            PaperRow("conv5", (13, 13, 256), "footnote 2"),
            PaperRow("fc6", (4096,), "footnote 2"),
            PaperRow("fc7", (4096,), "footnote 2"),
            PaperRow("predictions", (1000,), "section 3.5"),
            PaperRow(
                "total",
                None,
                'footnote 2: "approximately the same number of parameters"',
                parameters="60 million",
            ),
        ),
        "the net of one GPU",
    ),
}
