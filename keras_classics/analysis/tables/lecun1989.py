"""The table of LeCun et al., Neural Computation 1(4), 1989."""

from keras_classics.analysis.tables import PaperRow, Table

TABLES = {
    "lecun1989": Table(
        (
            PaperRow("H1", (8, 8, 12), "section 3.3", parameters=1_068, connections=19_968),
            PaperRow("H2", (4, 4, 12), "section 3.3", parameters=2_592, connections=38_592),
            PaperRow("H3", (30,), "section 3.3", parameters=5_790, connections=5_790),
            PaperRow("output", (10,), "section 3.3", parameters=310, connections=310),
            PaperRow("total", None, "section 3.3", parameters=9_760, connections=64_660),
        )
    ),
    "mlp_40": Table(
        (
            PaperRow("H1", (40,), "section 5"),
            PaperRow("output", (10,), "section 5"),
            PaperRow("total", None, "section 5", connections=10_690),
        ),
        "256-40-10",
    ),
}
