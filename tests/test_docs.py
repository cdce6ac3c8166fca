"""Each block of Python in README.md and docs/ runs as it stands, alone, in an empty folder.

In docs/lecture, the block of text below it is what it prints.
"""

import importlib.util
import json
import pathlib
import re
import socket

import keras
import pytest

from keras_classics import datasets
from keras_classics.applications import builder
from keras_classics.weights.card import Card

ROOT = pathlib.Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e-?\d+)?")
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
LECTURE = ROOT / "docs" / "lecture"


def blocks(paths, *groups):
    """Of each block its source (1), the text right below it (2), or both."""
    return [
        pytest.param(*(found[group] for group in groups), id=f"{path.name}-{number}")
        for path in paths
        for number, found in enumerate(BLOCK.finditer(path.read_text()), start=1)
    ]


PAGES = [path for path in sorted(ROOT.glob("docs/**/*.md")) if path.parent != LECTURE]


def run(source):
    exec(compile(source, "block", "exec"), {"__name__": "__main__"})
    keras.backend.clear_session(free_memory=False)


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """An empty folder, and no downloads."""

    def refuse(self, address):
        raise AssertionError(f"It opens a connection, to {address}.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def quick(alone, monkeypatch):
    """Little to wait for.

    A release has the initial weights of its network, these are not drawn, and of the digits there
    are few.
    """

    def start(self, shape, dtype=None):
        return keras.ops.full(shape, 0.01, dtype or keras.config.floatx())

    def load_file(model, path, *how, **more):
        return load(model, path, *how, **more) if pathlib.Path(path).exists() else model

    def few_digits(name, *arguments, **more):
        data = load_data(name, *arguments, **more)
        parts = [
            datasets.Digits(split.images[:64], split.labels[:64], split.box)
            for split in (data.train, data.validation)
        ]
        return datasets.Images(data.name, data.classes, *parts, held=data.held)

    load, load_data = builder.load_file, datasets.load
    monkeypatch.setattr(Card, "path", lambda card: card.name)
    monkeypatch.setattr(builder, "load_file", load_file)
    monkeypatch.setattr(datasets, "load", few_digits)
    for kind in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(kind, "__call__", start)


@pytest.mark.parametrize("source", blocks([ROOT / "README.md", *PAGES], 1))
def test_a_block_runs(source, quick):
    run(source)


@pytest.mark.parametrize(("source", "text"), blocks(sorted(LECTURE.glob("*.md")), 1, 2))
def test_a_block_of_the_lecture_prints_what_its_page_shows(source, text, alone, capsys):
    run(source)
    printed = capsys.readouterr().out
    words = [re.sub(r"\s+", " ", NUMBER.sub("0", each)) for each in (printed, text)]
    assert words[0] == words[1]
    # Processors round differently: the last digit may be another one.
    for number, shown in zip(NUMBER.findall(printed), NUMBER.findall(text), strict=True):
        last = 10.0 ** -len(shown.partition(".")[2].partition("e")[0])
        assert float(number) == pytest.approx(float(shown), abs=1.01 * last if "." in shown else 0)


def test_the_table_of_speed_is_that_of_its_file():
    """`python benchmarks/all.py --table` writes it."""
    path = ROOT / "benchmarks" / "all.py"
    spec = importlib.util.spec_from_file_location("benchmarks_all", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = json.loads((ROOT / "docs" / "speed.json").read_text())
    part = (ROOT / "docs" / "results.md").read_text().split(module.BEGIN)[1].split(module.END)[0]
    assert part.strip() == module.table(found)
    assert len(module.table(found).splitlines()) > 20
