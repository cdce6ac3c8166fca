"""The table of LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training

FIGURES = "figures 11 and 12"  # multiply-accumulates, and variables to store


def _connected(total, *hidden):
    """A network of figure 9 with hidden layers of so many units."""
    rows = [PaperRow(f"H{i}", (units,), "figure 9") for i, units in enumerate(hidden, start=1)]
    return Table((*rows, PaperRow("output", (10,), "figure 9"), total))


def _both(number):
    return PaperRow("total", None, FIGURES, parameters=number, macs=number)


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
            PaperRow("total", None, "section II.B", parameters=60_000, connections=340_908),
            PaperRow(
                "total",
                None,
                FIGURES,
                parameters="60 thousand",
                macs="401 thousand",
                note=f"{FIGURES}: 340,908 connections and 60,000 parameters make 400,908",
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
                f"section III.C, {FIGURES}",
                parameters="17 thousand",
                connections=260_000,
                macs="260 thousand",
                note='printed with "about"; but 120 units that read 400 of S4 have 48,120',
            ),
        ),
        "LeNet-4",
    ),
    "linear": _connected(
        PaperRow("total", None, f"section III.C; {FIGURES} print 20x20's", parameters=7_850)
    ),
    "pairwise_linear": Table(
        (
            PaperRow("units", (45,), "section III.C"),
            PaperRow("output", (10,), "section III.C"),
            PaperRow("total", None, FIGURES, parameters="35 thousand", macs="36 thousand"),
        )
    ),
    "mlp_1000": _connected(_both("795 thousand"), 1000),
    "mlp_300_100": _connected(_both("267 thousand"), 300, 100),
    "mlp_500_150": _connected(_both("469 thousand"), 500, 150),
}

DISTORTED = "trained with distortions"


def _mnist(system, error, network=None, images="", note="", source="figure 9"):
    """A bar of figure 9; the errors are also on the page of MNIST, yann.lecun.com/exdb/mnist."""
    data = f"MNIST, {images}, test" if images else "MNIST, test"
    return Result(system, data, "", error, None, source, network, note=note)


RESULTS = (
    _mnist("LeNet-5", 0.95, "lenet5"),
    _mnist(f"LeNet-5, {DISTORTED}", 0.8, "lenet5"),
    Result("LeNet-5", "MNIST, training", "", 0.35, None, "section III.B", "lenet5"),
    _mnist("LeNet-1", 1.7, "lenet1", "16x16", "with 3.7 % rejected, 0.5 % of the rest (figure 10)"),
    _mnist("LeNet-4", 1.1, "lenet4", note="with 1.8 % rejected, 0.5 % of the rest (figure 10)"),
    _mnist("LeNet-4, last layer by local learning", 1.1),
    _mnist("LeNet-4, last layer by K-NN", 1.1),
    Result(
        f"boosted LeNet-4, {DISTORTED}",
        "MNIST, test",
        "",
        0.7,
        None,
        "figure 9",
        models=3,
        note="with 0.5 % rejected, 0.5 % of the rest (figure 10)",
    ),
    _mnist("linear", 12.0, "linear"),
    _mnist("linear", 8.4, images="deslanted"),
    _mnist("pairwise linear", 7.6, "pairwise_linear", note="deslanted, says the page of MNIST"),
    _mnist("K-NN, Euclidean", 5.0),
    _mnist("K-NN, Euclidean", 2.4, images="deslanted"),
    _mnist("40 principal components, quadratic", 3.3),
    _mnist("1000 radial basis functions, linear", 3.6),
    _mnist("K-NN, tangent distance", 1.1, images="16x16"),
    _mnist("support vectors, polynomial of degree 4", 1.1, images="deslanted"),
    _mnist(
        "support vectors, reduced set, degree 5",
        1.0,
        images="deslanted",
        note="1.1 in the text",
    ),
    _mnist(f"virtual support vectors, degree 9, {DISTORTED}", 0.8),
    _mnist("fully connected, 28x28-300-10", 4.7, "mlp_300"),
    _mnist(f"fully connected, 28x28-300-10, {DISTORTED}", 3.6, "mlp_300"),
    _mnist("fully connected, 20x20-300-10", 1.6, images="deslanted"),
    _mnist("fully connected, 28x28-1000-10", 4.5, "mlp_1000"),
    _mnist(f"fully connected, 28x28-1000-10, {DISTORTED}", 3.8, "mlp_1000"),
    _mnist("fully connected, 28x28-300-100-10", 3.05, "mlp_300_100"),
    _mnist(f"fully connected, 28x28-300-100-10, {DISTORTED}", 2.5, "mlp_300_100"),
    _mnist("fully connected, 28x28-500-150-10", 2.95, "mlp_500_150", note="1000-150 in the text"),
    _mnist(f"fully connected, 28x28-500-150-10, {DISTORTED}", 2.45, "mlp_500_150"),
)
TRAININGS = {
    "lenet5": Training(
        "Silicon Graphics Origin 2000, one R10000 of 200 MHz", "2 to 3 days", "section III.D"
    )
}
