"""The numbers that the papers print of their networks, row by row, with their source."""

import dataclasses

from keras_classics import applications


@dataclasses.dataclass(frozen=True)
class PaperRow:
    """One row of a paper's table; `note` is the reason where the network differs from it."""

    name: str
    output_shape: tuple | None
    parameters: int
    connections: int
    source: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Paper:
    """A paper's network: how to build it, and its table with the total last."""

    title: str
    build: object
    rows: tuple


PAPERS = {
    "lecun1989": Paper(
        "LeCun et al., Neural Computation 1(4), 1989",
        applications.LeCun1989,
        (
            PaperRow("H1", (8, 8, 12), 1_068, 19_968, "section 3.3"),
            PaperRow("H2", (4, 4, 12), 2_592, 38_592, "section 3.3"),
            PaperRow("H3", (30,), 5_790, 5_790, "section 3.3"),
            PaperRow("output", (10,), 310, 310, "section 3.3"),
            PaperRow("total", None, 9_760, 64_660, "section 3.3"),
        ),
    ),
    "lenet1": Paper(
        "LeCun et al., NIPS 2, 1990",
        applications.LeNet1,
        (
            PaperRow("H1", (24, 24, 4), 104, 59_904, "section 3"),
            PaperRow("H2", (12, 12, 4), 8, 2_880, "section 3"),
            PaperRow("H3", (8, 8, 12), 512, 32_768, "section 3, Table 1"),
            PaperRow("H4", (4, 4, 12), 24, 960, "section 3"),
            PaperRow("output", (10,), 1_930, 1_930, "section 3"),
            PaperRow("total", None, 2_578, 98_442, "section 3"),
        ),
    ),
    "lenet5": Paper(
        "LeCun et al., Proc. IEEE 86(11), 1998",
        applications.LeNet5,
        (
            PaperRow("C1", (28, 28, 6), 156, 122_304, "section II.B"),
            PaperRow("S2", (14, 14, 6), 12, 5_880, "section II.B"),
            PaperRow("C3", (10, 10, 16), 1_516, 151_600, "section II.B, Table I"),
            PaperRow("S4", (5, 5, 16), 32, 2_000, "section II.B"),
            PaperRow("C5", (1, 1, 120), 48_120, 48_120, "section II.B"),
            PaperRow("F6", (84,), 10_164, 10_164, "section II.B"),
            PaperRow("RBF", (10,), 0, 840, "section II.B, eq. 7: fixed, but in the total"),
            PaperRow("total", None, 60_000, 340_908, "section II.B; figure 11 prints 401,000"),
        ),
    ),
}
