"""The table of LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998."""

from keras_classics.analysis.tables import PaperRow, Table

TABLES = {
    "lenet5": Table(
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
        )
    ),
    "lenet4": Table(
        (
            PaperRow("C1", (28, 28, 4), "section III.C"),
            PaperRow("S2", (14, 14, 8), "section III.C"),
            PaperRow("C3", (10, 10, 16), "section III.C"),
            PaperRow("S4", (5, 5, 16), "section III.C"),
            PaperRow("C5", (1, 1, 120), "section III.C"),
            PaperRow("output", (10,), "section III.C"),
            PaperRow(
                "total",
                None,
                "section III.C",
                parameters=17_000,
                connections=260_000,
                note='printed with "about"; but 120 units that read 400 of S4 have 48,120',
            ),
        ),
        "LeNet-4",
    ),
}
