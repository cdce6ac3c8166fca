"""The errors that papers print, and the networks by year."""

import importlib
import re
import subprocess
import sys

import pytest

from keras_classics import analysis, names
from keras_classics.analysis import results, timeline, winners
from keras_classics.analysis.tables import entries, training

PAPERS = [name for name in names.PAPERS if results(name)]
ALL = [result for name in PAPERS for result in results(name)]


def errors(name, source, data=None):
    return {
        result.protocol: (result.top1, result.top5)
        for result in results(name)
        if result.source == source and data in (None, result.data)
    }


def test_results_name_networks_and_sources():
    assert all(result.network is None or result.network in names.NETWORKS for result in ALL)
    assert all(result.source and result.data and result.system for result in ALL)
    assert len(set(ALL)) == len(ALL), "an error stands there twice"


def test_an_error_is_a_percentage_or_a_note_says_it():
    for result in ALL:
        known = [error for error in (result.top1, result.top5) if error is not None]
        assert known or result.note
        assert all(0 < error < 100 for error in known)
        if len(known) == 2:
            assert result.top5 < result.top1


@pytest.mark.parametrize(
    ("name", "source", "protocol", "printed"),
    [
        ("lecun1989", "section 5", "", (1.6, None)),
        ("alexnet", "Table 1", "10 crops", (37.5, 17.0)),
        ("alexnet", "footnote 5", "center crop", (39.0, 18.3)),
        ("vgg16", "Table 5", "multi-crop and dense, 256, 384, 512", (24.4, 7.2)),
        ("vgg19", "Table 5", "multi-crop and dense, 256, 384, 512", (24.4, 7.1)),
        ("vgg_a_lrn", "Table 3", "dense, 256", (29.7, 10.5)),
        ("googlenet", "Table 2", "144 crops", (None, 6.67)),
        ("resnet152", "Table 4", "whole images, 224 to 640", (19.38, 4.49)),
        ("plain18", "Table 2", "10 crops", (27.94, None)),
        ("resnet1202_cifar", "Table 6", "", (7.93, None)),
    ],
)
def test_what_papers_print(name, source, protocol, printed):
    assert errors(name, source)[protocol] == printed


def test_the_accuracies_of_a_paper_are_errors():
    """ViT's Tables 2 and 5 print 88.55 and 73.38 % of ImageNet."""
    assert errors("vit_h14", "Table 2", "ImageNet") == {"whole image, mean of three": (11.45, None)}
    scratch = [r for r in results("vit_b32") if r.data == "ImageNet" and "on ImageNet" in r.system]
    assert [result.top1 for result in scratch] == [26.62, 18.72]  # ImageNet, ImageNet-21k
    columns = {(r.system, r.data, r.source) for r in results("vit")}
    assert len(columns) == len(results("vit")) == 3 * 7 + (4 + 5 + 5) * 6


def test_deeper_residual_networks_err_less():
    """As the paper's text has it, in each of its tables; a number with a slip would break it."""
    for source in ("Table 3", "Table 4"):
        depths = [min(errors(f"resnet{d}", source).values()) for d in (34, 50, 101, 152)]
        assert depths == sorted(depths, reverse=True)
    on_cifar = [results(f"resnet{d}_cifar")[0].top1 for d in (20, 32, 44, 56, 110)]
    assert on_cifar == sorted(on_cifar, reverse=True)


def test_more_crops_and_more_networks_err_less():
    rows = [(r.models, r.top5) for r in results("googlenet") if r.source == "Table 3"]
    for models in (1, 7):
        printed = [error for count, error in rows if count == models]
        assert printed == sorted(printed, reverse=True)


def test_errors_of_a_network_by_others_follow_its_own():
    found = results("VGG-16")
    assert {result.network for result in found} == {"vgg16"}
    last = found[-1]
    assert (last.top1, last.paper, last.source) == (
        *(28.07, names.PAPERS["resnet"].title, "Table 3"),
    )
    assert "CVPR 2016, Table 3" in repr(found).splitlines()[-1]
    assert all(not result.paper for result in found[:-1])
    assert results("lenet_1") == results("lenet1"), "a paper's name in another spelling"
    assert [result.top1 for result in results("cuda_convnet_11pct")] == [11.0]


def test_results_print_only_columns_that_say_something():
    text = repr(results("lecun1989"))
    assert text.splitlines()[0].split() == ["system", "data", "top-1", "source"]
    assert "fully connected, 256-40-10: with 19.4 % rejected" in text
    assert repr(results("resnet8_cifar")) == ""


def test_an_unknown_name():
    with pytest.raises(ValueError, match="no network 'lenet6'"):
        results("lenet6")


def test_errors_need_no_keras():
    code = """
import sys
sys.orig_argv[:] = ["python", "-m", "keras_classics"]
from keras_classics.analysis import results
print(len(results("vgg")), {"keras", "numpy"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1)[1] == "set()\n"


def test_each_training_is_of_a_network_and_has_a_source():
    for paper in PAPERS:
        module = importlib.import_module(f"keras_classics.analysis.tables.{paper}")
        for name, found in getattr(module, "TRAININGS", {}).items():
            assert names.find(name).paper == paper
            assert found.hardware
            assert found.source
    assert training("ResNet-50").hardware == "8 GPUs"
    assert training("cuda_convnet_80sec") is None


def test_networks_by_year():
    rows = timeline("lenet*")
    assert [(row.year, row.network, row.layers) for row in rows][:1] == [(1990, "lenet1", 5)]
    row = next(row for row in rows if row.network == "lenet5")
    assert (row.year, row.layers, row.parameters, row.macs) == (1998, 7, 60_000, 328_096)
    assert (row.best.top1, row.best.data) == (0.8, "MNIST, test")
    line = next(line for line in repr(rows).splitlines() if "lenet5" in line)
    assert line.split()[:6] == ["1998", "lenet5", "7", "60,000", "328,096", "0.8"]
    assert "one R10000 of 200 MHz" in repr(rows).splitlines()[-1]


def test_the_least_error_is_of_one_network_on_one_set_of_data():
    """Not AlexNet's five networks, nor its ILSVRC-2010; not another data set of ViT."""
    best = {row.network: row.best for row in timeline("alexnet")}["alexnet"]
    assert (best.top1, best.top5) == (40.7, 18.2)
    (row,) = timeline("vit_h14")
    assert (row.best.top1, row.best.data) == (11.45, "ImageNet")
    (row,) = timeline("vit_mini4")
    assert (row.best, row.training) == (None, None)


def test_of_each_builder_the_network_with_the_least_error(monkeypatch):
    from keras_classics.analysis import history

    monkeypatch.setattr(history, "_milestone", lambda network: history.Milestone(
        *(0, network.name, 0, 0, 0, None, None)
    ))  # fmt: skip
    chosen = {row.network for row in timeline()}
    assert {"lecun1989", "lenet1", "lenet5", "alexnet", "vgg19", "googlenet"} <= chosen
    assert {"resnet152", "resnet110_cifar", "vit_h14"} <= chosen
    builders = [names.find(name).builder for name in chosen]
    assert len(set(builders)) == len(builders)


def test_winners_are_what_papers_print():
    printed = {result.top5 for result in ALL}
    by_papers = [entry for entry in entries() if "slides" not in entry.source.split(";")[0]]
    assert [entry.year for entry in by_papers] == [2010, 2012, 2013, 2014, 2014, 2015]
    assert all(entry.top5 in printed for entry in by_papers)


def test_the_picture_of_the_winners():
    pytest.importorskip("matplotlib")
    above, below = winners().axes[1:]
    assert [bar.get_height() for bar in above.patches] == [0, 0, 8, 8, 19, 22, 152]
    heights = [bar.get_height() for bar in below.patches]
    assert heights == [28.2, 25.8, 16.4, 11.7, 7.3, 6.67, 3.57]
    assert re.search(r"AlexNet\n2012", below.get_xticklabels()[2].get_text())


def test_a_report_of_fields():
    lines = analysis.report("vgg16", fields=True).splitlines()
    assert lines[2].split() == ["layer", "output", "sees", "step", "padding"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[3:]}
    assert rows["pool5"] == ["7x7x512", "212x212", "32x32", "90x90"]
    assert rows["fc6"] == ["4096", "all"]
    small = analysis.report("resnet8_cifar", fields=True).splitlines()
    assert small[3].split() == ["conv1", "32x32x16", "3x3", "1x1", "1x1"]
