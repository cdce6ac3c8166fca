"""Each block of Python in README.md and docs/ runs as it stands, alone, in an empty folder."""

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
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(found[1], id=f"{path.name}-{number}")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    for number, found in enumerate(BLOCK.finditer(path.read_text()), start=1)
]


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """An empty folder, no downloads, and little to wait for.

    A release has the initial weights of its network, these are not drawn, and of the digits there
    are few.
    """

    def refuse(self, address):
        raise AssertionError(f"It opens a connection, to {address}.")

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
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(Card, "path", lambda card: card.name)
    monkeypatch.setattr(builder, "load_file", load_file)
    monkeypatch.setattr(datasets, "load", few_digits)
    for kind in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(kind, "__call__", start)


@pytest.mark.parametrize("source", BLOCKS)
def test_a_block_runs(source, quick):
    exec(compile(source, "block", "exec"), {"__name__": "__main__"})
    keras.backend.clear_session(free_memory=False)


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
