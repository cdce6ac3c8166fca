"""The table of LeCun et al., NIPS 2, 1990."""

from keras_classics.analysis.tables import PaperRow, Result, Table

TABLES = {
    "lenet1": Table(
        (
            PaperRow("H1", (24, 24, 4), "section 3", parameters=104, connections=59_904),
            PaperRow("H2", (12, 12, 4), "section 3", parameters=8, connections=2_880),
            PaperRow("H3", (8, 8, 12), "section 3, Table 1", parameters=512, connections=32_768),
            PaperRow("H4", (4, 4, 12), "section 3", parameters=24, connections=960),
            PaperRow("output", (10,), "section 3", parameters=1_930, connections=1_930),
            PaperRow("total", None, "section 3", parameters=2_578, connections=98_442),
            PaperRow(
                "total",
                None,
                "LeCun et al., 1998, figures 11 and 12",
                parameters="3 thousand",
                macs="100 thousand",
                note="LeCun et al., 1998, figure 11; 98,442 with the biases",
            ),
        )
    )
}

RESULTS = (
    Result(
        "the network",
        "zip codes and printed digits, test",
        "",
        3.4,
        None,
        "section 5",
        "lenet1",
        note="all errors are of handwritten digits; with 5.7 % rejected, 1 % of the rest; of the "
        "handwritten alone 9 %",
    ),
    Result(
        "the network",
        "zip codes and printed digits, training",
        "",
        1.1,
        None,
        "section 5",
        "lenet1",
    ),
)
