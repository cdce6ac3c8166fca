import re

import keras
import pytest
from keras_classics.analysis.papers import agrees

from keras_classics.analysis import PAPERS, count, report
from keras_classics.applications import LeNet5


def weightless(network):
    with keras.StatelessScope(initialize_variables=False):  # shapes, but no values
        return PAPERS[network].build()


# Of 1202 layers, the shapes alone take Keras some seconds.
LONG = pytest.param("resnet1202_cifar", marks=pytest.mark.slow)


@pytest.mark.parametrize("network", [*(n for n in PAPERS if n != "resnet1202_cifar"), LONG])
def test_a_row_agrees_with_the_paper_or_says_why_not(network):
    lines = report(weightless(network)).splitlines()[3:]
    for line, row in zip(lines, PAPERS[network].rows, strict=True):
        ending = re.search(r" (=|differs) +(\S.*)$", line).groups()
        assert ending == (("differs", row.note) if row.note else ("=", row.source))


@pytest.mark.parametrize("network", ["lecun1989", "lenet1", "lenet5"])
def test_the_papers_rows_add_up_to_its_total(network):
    *rows, total = PAPERS[network].rows
    assert sum(row.parameters for row in rows) == total.parameters
    assert sum(row.connections for row in rows) == total.connections


@pytest.mark.parametrize(
    ("printed", "least", "most"),
    [
        (1_516, 1_516, 1_516),
        ("159K", 158 * 1024, 160 * 1024),
        ("0.27M", 260_000, 280_000),
        ("1.5 billion", 1_400_000_000, 1_600_000_000),
        ("60 million", 59_000_000, 61_000_000),
    ],
)
def test_a_number_agrees_to_the_last_digit_printed(printed, least, most):
    assert agrees(least, printed)
    assert agrees(most, printed)
    assert not agrees(least - 1, printed)
    assert not agrees(most + 1, printed)


def test_columns_are_what_the_paper_prints():
    def heads(network):
        return report(weightless(network)).splitlines()[2].split()

    assert heads("lenet5") == (
        "layer output parameters paper connections paper mult-adds source".split()
    )
    assert heads("alexnet") == "layer output units paper parameters paper mult-adds source".split()
    assert heads("googlenet") == (
        "layer output parameters weights paper mult-adds paper source".split()
    )


def test_the_layers_of_a_module_are_one_row():
    (line,) = (line for line in report(weightless("googlenet")).splitlines() if "_3a" in line)
    assert line.split()[:7] == [
        "inception_3a",
        "28x28x256",
        "163,696",
        "163,328",
        "159K",
        "128,049,152",
        "128M",
    ]
    (line,) = (line for line in report(weightless("alexnet")).splitlines() if "conv1 " in line)
    assert line.split()[:4] == ["conv1", "55x55x96", "290,400", "253,440"]


STAGED = ["resnet50", "plain18", "resnet20_cifar", "vit_b16", "vit_r50_b16"]


@pytest.mark.parametrize("network", STAGED)
def test_the_blocks_of_a_stage_are_one_row(network):
    """With all of its layers, so that the rows add up to the total."""
    lines = [line.split() for line in report(weightless(network)).splitlines()[3:]]
    *rows, total = [line[1 if line[0] == "total" else 2] for line in lines]
    assert sum(int(row.replace(",", "")) for row in rows) == int(total.replace(",", ""))


def test_the_rows_of_googlenet_that_the_paper_got_wrong():
    """By Table 1's own widths; all other rows agree."""
    lines = report(weightless("googlenet")).splitlines()[3:]
    wrong = [line.split()[0] for line in lines if " differs " in line]
    assert wrong == ["conv1", *(f"inception_{m}" for m in ("4a", "4c", "4d", "4e", "5a", "5b"))]


def test_differences_are_marked_with_a_reason():
    wider = report(LeNet5(input_shape=(36, 32, 1))).splitlines()
    (line,) = (line for line in wider if line.startswith("C1"))
    assert "32x28x6" in line
    assert "differs  the paper's output is 28x28x6" in line
    softmax = report(LeNet5(head="softmax"))
    assert "the model has no layer RBF" in softmax


def test_total_counts_every_layer():
    model = LeNet5(head="softmax")
    parameters = sum(row.parameters for row in count(model))
    assert f"{parameters:,}" in report(model).splitlines()[-1]


def test_unknown_network():
    with pytest.raises(ValueError, match="no paper for 'resnet'; there are lecun1989, lenet1"):
        report(LeNet5(name="resnet"))
    assert report(LeNet5(name="mine"), "lenet5").startswith("lenet5: LeCun et al.")
