import pytest

from keras_classics.analysis import PAPERS, count, report
from keras_classics.applications import LeNet5


@pytest.mark.parametrize("network", PAPERS)
def test_every_row_agrees_with_the_paper(network):
    lines = report(PAPERS[network].build()).splitlines()[3:]
    assert len(lines) == len(PAPERS[network].rows)
    assert all(" =  " in line for line in lines)
    assert not any("differs" in line for line in lines)


@pytest.mark.parametrize("network", PAPERS)
def test_the_papers_rows_add_up_to_its_total(network):
    *rows, total = PAPERS[network].rows
    assert sum(row.parameters for row in rows) == total.parameters
    assert sum(row.connections for row in rows) == total.connections


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
