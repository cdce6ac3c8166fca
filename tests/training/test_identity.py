"""Data that were changed are not resumed as if they were the same."""

import dataclasses
import shutil

import numpy as np
import pytest

from keras_classics import backend, datasets, training
from keras_classics.training import identity
from tests.training import tiny


def stated(data):
    return identity.of_data(data, data.parts)["splits"]


def arrays(change=lambda images, labels: (images, labels)):
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), "uint8")
    labels = np.arange(6) % 2
    return datasets.wrap(change(images.copy(), labels.copy()), (images, labels))


def one_label(images, labels):
    labels[3] = 0
    return images, labels


@pytest.mark.parametrize(
    "change",
    [
        lambda images, labels: (255 - images, labels),
        lambda images, labels: (images[::-1], labels[::-1]),
        lambda images, labels: (images.reshape(6, 8, 2, 3), labels),
        one_label,
    ],
    ids=["inverted", "reversed", "of another shape", "one label"],
)
def test_arrays(change):
    before, after = stated(arrays()), stated(arrays(change))
    assert before["train"] != after["train"]
    assert before["validation"] == after["validation"]
    assert stated(arrays()) == before


def replace(folder):
    (folder / "green" / "0.png").write_bytes((folder / "green" / "1.png").read_bytes() + b" ")


def rename(folder):
    (folder / "green" / "0.png").rename(folder / "green" / "00.png")


def to_another_class(folder):
    (folder / "green" / "0.png").rename(folder / "red" / "0-.png")


def remove(folder):
    (folder / "red" / "5.png").unlink()


@pytest.mark.parametrize("change", [replace, rename, to_another_class, remove])
def test_files(change, photographs, tmp_path):
    folder = shutil.copytree(photographs, tmp_path / "data")
    before = stated(datasets.load(str(folder)))
    shutil.copytree(folder, tmp_path / "moved")
    assert stated(datasets.load(str(tmp_path / "moved"))) == before
    change(folder)
    assert stated(datasets.load(str(folder))) != before


def test_files_without_a_look_into_them(photographs, monkeypatch):
    data = datasets.load(str(photographs))
    monkeypatch.setattr("builtins.open", None)
    stated(data)
    gone = datasets.Files(["nowhere/a.png", "nowhere/b.png"], [0, 1])
    before = stated(datasets.Images("gone", ("a", "b"), gone, gone))["train"]
    assert "files" in before
    gone.labels[1] = 0
    assert stated(datasets.Images("gone", ("a", "b"), gone, gone))["train"] != before


def test_a_stream_says_its_kind():
    if not backend.has_tf_data():
        pytest.skip("tf.data")
    import tensorflow as tf

    pair = np.zeros((3, 8, 8, 3), "uint8"), np.array([0, 1, 1])
    stream = datasets.Stream(tf.data.Dataset.from_tensor_slices(pair))
    data = datasets.Images("mine", ("a", "b"), stream, stream)
    assert "shape=(8, 8, 3), dtype=tf.uint8" in stated(data)["train"]


def test_a_run_is_not_resumed_with_other_data(tmp_path):
    """Nor in silence on another number of replicas."""
    recipe = tiny.Tiny()

    def opened(data, replicas=1, resume=True):
        splits = recipe.splits(data)
        with training.Run.open(tmp_path, recipe, data, splits, 0, replicas, resume) as (run, _):
            return run

    opened(arrays())
    with pytest.raises(
        ValueError, match="The images were changed, or come in another order.*sha256"
    ):
        opened(arrays(one_label))
    renamed = dataclasses.replace(arrays(), classes=("c", "d"))
    with pytest.raises(ValueError, match=r"Its data: \{'classes'.*Received: \{'classes': \['c'"):
        opened(renamed)
    with pytest.warns(UserWarning, match=r"other replicas \(replicas: 1, now 2\).* a little"):
        opened(arrays(), 2)
    with pytest.warns(UserWarning, match="other replicas"):
        run = opened(arrays(), 2)
    assert run.manifest["replicas"] == 1
    assert [each["replicas"] for each in run.manifest["resumed"]] == [2]
