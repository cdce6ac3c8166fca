"""The table of LeCun et al., Neural Computation 1(4), 1989."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training

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

CODES, SECTION = "zip codes", "section 5"
RESULTS = (
    Result(
        "the network",
        f"{CODES}, test",
        "",
        5.0,
        None,
        SECTION,
        "lecun1989",
        note="102 of 2,007; with 12.1 % rejected, 1 % of the rest",
    ),
    Result(
        "the network",
        f"{CODES}, training",
        "",
        0.14,
        None,
        SECTION,
        "lecun1989",
        note="10 of 7,291",
    ),
    Result(
        "fully connected, 256-40-10",
        f"{CODES}, test",
        "",
        8.1,
        None,
        SECTION,
        note="with 19.4 % rejected, 1 % of the rest",
    ),
    Result("fully connected, 256-40-10", f"{CODES}, training", "", 1.6, None, SECTION),
)
TRAININGS = {"lecun1989": Training("SUN-4/260", "3 days", SECTION)}
