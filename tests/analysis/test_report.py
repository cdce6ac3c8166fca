"""Reports against the papers' tables. All networks are counted in one light process."""

import importlib
import re
import sys

import pytest

from keras_classics import names
from keras_classics.analysis import count, report, shapes_only, table
from keras_classics.analysis.tables import agrees
from keras_classics.applications import LeNet5

PRINTED = [name for name in names.NETWORKS if table(name)]
# Of 1202 layers, the shapes alone take Keras some seconds.
LONG = "resnet1202_cifar"


def test_all_tables_are_of_networks():
    papers = {names.NETWORKS[name].paper for name in PRINTED}
    tables = [
        name
        for paper in papers
        for name in importlib.import_module(f"keras_classics.analysis.tables.{paper}").TABLES
    ]
    assert sorted(tables) == sorted(PRINTED)
    assert set(names.NETWORKS) - set(PRINTED) == {
        *("vit_mini4", "mlp_300", "mlp_1000_150"),
    }


def check_endings(text, name):
    lines = text.splitlines()[3:]
    for line, row in zip(lines, table(name).rows, strict=True):
        ending = re.search(r" (=|differs) +(\S.*)$", line).groups()
        assert ending == (("differs", row.note) if row.note else ("=", row.source))


@pytest.mark.parametrize("name", [name for name in PRINTED if name != LONG])
def test_a_row_agrees_with_the_paper_or_says_why_not(light_reports, name):
    check_endings(light_reports[2][name], name)


@pytest.mark.slow
def test_a_row_of_the_longest_network_agrees(light):
    check_endings(light(LONG)[2][LONG], LONG)


def test_a_report_needs_no_tensorflow(light_reports):
    pytest.importorskip("jax", reason="Keras's NumPy backend imports it")
    pytest.importorskip("scipy", reason="Keras's NumPy backend imports it")
    backend, modules, _ = light_reports
    assert backend == "numpy"
    heavy = {"tensorflow", "torch", "matplotlib", "sklearn", "keras_cv"}
    assert not heavy & set(modules)
    assert "keras_classics.analysis.pictures" not in modules


@pytest.mark.parametrize(
    "name",
    ["lecun1989", "lenet5", "alexnet", "googlenet", "resnet18", "resnet20_cifar", "vit_ti16"],
)
def test_this_backend_reports_the_same(light_reports, name):
    assert report(name) == light_reports[2][name]


def test_a_light_process_keeps_its_backend_without_jax(monkeypatch):
    monkeypatch.setattr(shapes_only, "OPTIONAL", ())
    monkeypatch.setenv("KERAS_BACKEND", "mine")
    shapes_only.prepare()
    assert shapes_only.os.environ["KERAS_BACKEND"] == "mine", "Keras runs already"
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "jax" else name)
    shapes_only.prepare()
    assert shapes_only.os.environ["KERAS_BACKEND"] == "mine"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    shapes_only.prepare()
    assert shapes_only.os.environ["KERAS_BACKEND"] == "numpy"


@pytest.mark.parametrize("name", ["lecun1989", "lenet1", "lenet5"])
def test_the_papers_rows_add_up_to_its_total(name):
    rows = [row for row in table(name).rows if row.name != "total"]
    total = table(name).rows[len(rows)]
    assert sum(row.parameters for row in rows) == total.parameters
    assert sum(row.connections for row in rows) == total.connections


@pytest.mark.parametrize(
    ("printed", "least", "most"),
    [
        (1_516, 1_516, 1_516),
        ("159K", 158 * 1024, 160 * 1024),
        ("795 thousand", 794_000, 796_000),
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


def test_columns_are_what_the_paper_prints(light_reports):
    def heads(name):
        return light_reports[2][name].splitlines()[2].split()

    assert heads("lenet5") == (
        "layer output parameters paper connections paper mult-adds paper source".split()
    )
    assert heads("alexnet") == "layer output units paper parameters paper mult-adds source".split()
    assert heads("googlenet") == (
        "layer output parameters weights paper mult-adds paper source".split()
    )


def test_the_layers_of_a_module_are_one_row(light_reports):
    reports = light_reports[2]
    (line,) = (line for line in reports["googlenet"].splitlines() if "_3a" in line)
    assert line.split()[:7] == [
        "inception_3a",
        "28x28x256",
        "163,696",
        "163,328",
        "159K",
        "128,049,152",
        "128M",
    ]
    (line,) = (line for line in reports["alexnet"].splitlines() if "conv1 " in line)
    assert line.split()[:4] == ["conv1", "55x55x96", "290,400", "253,440"]


STAGED = ["resnet50", "plain18", "resnet20_cifar", "vit_b16", "vit_r50_b16", "vit_r50_b32"]


@pytest.mark.parametrize("name", STAGED)
def test_the_blocks_of_a_stage_are_one_row(light_reports, name):
    """With all of its layers, so that the rows add up to the total."""
    lines = [line.split() for line in light_reports[2][name].splitlines()[3:]]
    *rows, total = [line[1 if line[0] == "total" else 2] for line in lines]
    assert sum(int(row.replace(",", "")) for row in rows) == int(total.replace(",", ""))


def test_the_rows_of_googlenet_that_the_paper_got_wrong(light_reports):
    """By Table 1's own widths; all other rows agree."""
    lines = light_reports[2]["googlenet"].splitlines()[3:]
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


@pytest.mark.parametrize("spelling", ["vgg16", "VGG-16", "vgg_d", "VGG D"])
def test_any_spelling(spelling):
    assert table(spelling) is table("vgg16")
    assert table(spelling).rows[-1].parameters == "138M"


def test_a_network_of_another_name():
    model = LeNet5(name="mine")
    assert report(model, "LeNet-5").startswith("lenet5: LeCun, Bottou")
    assert report(model, "lenet5") == report(LeNet5())
    with pytest.raises(ValueError, match=r"no network 'lenet6'. Did you mean .*lenet5"):
        report(model, "lenet6")
    with pytest.raises(ValueError, match="no network 'lenet6'"):
        report("lenet6")


def test_a_network_without_a_table_is_counted(light_reports):
    lines = report("resnet8_cifar").splitlines()
    assert (
        lines[0] == "resnet8_cifar: He, Zhang, Ren & Sun, CVPR 2016, which prints no numbers of it"
    )
    assert lines[2].split() == ["layer", "output", "parameters", "mult-adds"]
    assert lines[3].split() == ["conv1", "32x32x16", "432", "442,368"]
    assert lines[-1].split()[:2] == ["total", "75,290"]
    assert "no numbers" in light_reports[2]["mlp_300"]

    lines = report(LeNet5(name="mine")).splitlines()
    assert lines[0] == "mine: no network of a paper has this name; `network` names its table"
    assert lines[-1].split() == ["total", "60,000", "328,096"]
