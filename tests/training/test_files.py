"""What is said of a run folder that is damaged, full, foreign, or interrupted."""

import contextlib
import json
import os
import shutil

import keras
import numpy as np
import pytest

from keras_classics import datasets, training
from keras_classics.training import checkpoint, files, imaging, trainer
from tests.training import tiny

SHARED = {"builder": tiny.network, "verbose": 0}


@pytest.fixture(scope="module")
def kept(colours, tmp_path_factory):
    """A finished run, and one of the same that was interrupted in its second epoch."""
    folder = tmp_path_factory.mktemp("kept")
    training.train(tiny.Tiny(), colours(), folder / "finished", **SHARED)
    with pytest.raises(tiny.Break):
        training.train(
            tiny.Tiny(), colours(), folder / "broken", callbacks=[tiny.BreakAt(1)], **SHARED
        )
    return folder


@pytest.fixture
def finished(kept, tmp_path):
    return shutil.copytree(kept / "finished", tmp_path / "finished")


@pytest.fixture
def broken(kept, tmp_path):
    return shutil.copytree(kept / "broken", tmp_path / "broken")


def resume(folder, data):
    return training.train(tiny.Tiny(), data, folder, resume=True, **SHARED)


def edit(folder, **changes):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in manifest.items() if v is not None}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("", r"is damaged: it is not JSON \(Expecting value"),
        ("cut", r"is damaged: it is not JSON"),
        ("[1]", r"is damaged: expected an object of JSON, received list"),
        ({"seed": None}, r"is damaged: it has no seed\."),
        ({"data": {}}, r"is damaged: it has no data / name\."),
        ({"data": {"name": "a", "classes": "ab"}}, r"damaged: its data / classes is \"ab\"\."),
        ({"errors": 3}, r"is damaged: its errors is 3\."),
        ({"format": 99}, r"is of a later version of keras-classics, format 99.*update"),
        ({"recipe": {"class": "tests.training.tiny:Tiny", "warp": 9}}, r"not one of Tiny: .*warp"),
    ],
    ids=str,
)
def test_a_damaged_manifest(damage, message, finished, broken, colours):
    for folder in (finished, broken):
        if isinstance(damage, dict):
            edit(folder, **damage)
        else:
            text = (folder / "manifest.json").read_text()
            (folder / "manifest.json").write_text(text[:300] if damage == "cut" else damage)
        with pytest.raises(ValueError, match=message) as raised:
            training.Run(folder)
        if "is damaged" in message:
            left = "model.keras is the trained" if folder == finished else "copy its manifest.json"
            assert left in str(raised.value)


def test_a_manifest_that_was_lost_is_had_again(broken, kept, colours, tmp_path):
    """As the message says."""
    (broken / "manifest.json").write_text("")
    callbacks = [tiny.BreakAt(0)]
    with pytest.raises(tiny.Break):
        training.train(tiny.Tiny(), colours(), tmp_path / "again", callbacks=callbacks, **SHARED)
    shutil.copy(tmp_path / "again" / "manifest.json", broken)
    assert resume(broken, colours()).history == training.Run(kept / "finished").history


def test_a_damaged_mean(broken, finished, kept, colours):
    for folder in (broken, finished):
        path = folder / "mean.npy"
        path.write_bytes(path.read_bytes()[:-3])
        for damage in (None, np.zeros(3, "float32"), np.zeros((8, 8, 3), "float32")):
            if damage is not None:
                np.save(path, damage)
            with pytest.raises(ValueError, match=r"mean.npy is damaged or was changed.*Remove it"):
                training.Run(folder).mean  # noqa: B018
    with pytest.raises(ValueError, match=r"mean.npy is damaged or was changed"):
        resume(broken, colours())
    expected = training.Run(kept / "finished")
    for folder in (broken, finished):
        (folder / "mean.npy").unlink()
        with pytest.raises(FileNotFoundError, match="mean.npy is missing"):
            training.Run(folder).mean  # noqa: B018
        run = resume(folder, colours())
        np.testing.assert_array_equal(run.mean, expected.mean)
        assert run.history == expected.history


def test_a_mean_that_comes_out_otherwise(broken, colours, monkeypatch):
    (broken / "mean.npy").unlink()
    found = imaging.mean_of

    def other(recipe, data, verbose):
        mean, stated = found(recipe, data, verbose)
        return mean + 1, stated

    monkeypatch.setattr(imaging, "mean_of", other)
    with pytest.raises(ValueError, match="is not the one that the run began with"):
        resume(broken, colours())
    assert not (broken / "mean.npy").exists()


def test_a_damaged_history(finished, broken, colours):
    for text in (
        "",
        "epoch,loss\n",
        "epoch,loss\n0,0.5\n1",
        "epoch,loss\n0,a\n",
        "epoch,loss\n0,0.5",
    ):
        (finished / "history.csv").write_text(text)
        with pytest.raises(ValueError, match=r"history.csv is damaged.*model.keras and manifest"):
            training.Run(finished).history  # noqa: B018
        (broken / "history.csv").write_text(text)
        with pytest.raises(ValueError, match=r"is damaged: .*written again as the run is resumed"):
            training.Run(broken).history  # noqa: B018
    (broken / "history.csv").unlink()
    with pytest.raises(FileNotFoundError, match="no epoch has ended yet, or it was removed"):
        training.Run(broken).history  # noqa: B018
    assert len(resume(broken, colours()).history["loss"]) == 2


def test_a_damaged_network(finished):
    path = finished / "model.keras"
    whole = path.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        b"",
        whole[:-50],
        whole[:middle],
        whole[:middle] + b"xxxx" + whole[middle + 4 :],
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model.keras is not whole: .*trained again"):
            training.Run(finished).model  # noqa: B018
    path.unlink()
    with pytest.raises(FileNotFoundError, match="model.keras does not exist: it was removed"):
        training.Run(finished).model  # noqa: B018


def test_checkpoints_that_are_left_are_removed(finished, colours):
    """Of a run that was killed between its last manifest and their removal."""
    for name in (*checkpoint.FILES, "part-checkpoint-1.npz", "part-model.keras"):
        (finished / name).write_bytes(b"gigabytes")
    (finished / "mine.npz").write_bytes(b"mine")
    before = set(os.listdir(finished))
    resume(finished, colours())
    gone = {*checkpoint.FILES, "part-checkpoint-1.npz", "part-model.keras"}
    assert set(os.listdir(finished)) == before - gone


def test_evaluation_writes_nothing(finished, colours):
    run = training.Run(finished)
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    finished.chmod(0o500)
    images, labels = colours().validation.images, colours().validation.labels
    pairs = (images, labels), (images, 1 - labels)
    other = datasets.wrap(*pairs, classes=run.manifest["data"]["classes"], held="test")
    assert run.evaluate(other) != run.manifest["errors"]
    errors, confusion = run.test(other)["test"]
    assert confusion.sum() == errors["of"] == len(labels)
    finished.chmod(0o700)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    assert run.confusion("test").sum() == len(labels)
    (finished / "confusion-test.csv").write_text("class,a\n")
    with pytest.raises(ValueError, match=r"confusion-test.csv is damaged or was changed"):
        run.confusion("test")
    run.write_confusions(run.test(colours()), finished)  # as it was
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def named(first, held="test"):
    images = np.zeros((8, 8, 8, 3), "uint8")
    pair = images, np.arange(8) % 2
    return datasets.wrap(pair, pair, classes=[first, "b"], held=held)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (named(os.fsdecode(b"caf\xe9")), ValueError, r"must be UTF-8.*Received: b'caf\\xe9'"),
        (named("a", held="te/st"), OSError, r"confusion-te/st.csv could not be written"),
    ],
    ids=["a class", "a part"],
)
def test_what_is_written_at_the_end_is_tried_at_the_beginning(data, error, message, tmp_path):
    with pytest.raises(error, match=message):
        training.train(tiny.Tiny(), data, tmp_path / "run", **SHARED)
    assert not (tmp_path / "run").exists()


def test_room_on_the_disk(broken, colours, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(OSError, match=r"run needs 0.0 MB for checkpoints and the network, and"):
        training.train(tiny.Tiny(), colours(), tmp_path / "run", **SHARED)
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
    with pytest.raises(OSError, match="broken needs"):
        resume(broken, colours())
    assert (broken / "manifest.json").is_file()


class Stop(BaseException):
    """As Ctrl-C would stop a training; pytest itself is not stopped by it."""


def fail(*arguments, **named):
    raise Stop


def test_a_start_removes_only_what_it_made(colours, tmp_path, monkeypatch):
    """Also where it cannot remove the folder; and the error is its own."""
    monkeypatch.setattr(trainer, "prepare", fail)
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    monkeypatch.chdir(tmp_path / "empty")
    for folder in (tmp_path / "empty", tmp_path / "link", "."):
        for resumes in (True, False):  # there is nothing in it
            with pytest.raises(Stop):
                training.train(tiny.Tiny(), colours(), folder, resume=resumes, **SHARED)
            assert list((tmp_path / "empty").iterdir()) == []

    def beside(*arguments, **named):
        (tmp_path / "new" / "mine.txt").touch()
        fail()

    monkeypatch.setattr(trainer, "prepare", beside)
    with pytest.raises(Stop):
        training.train(tiny.Tiny(), colours(), tmp_path / "new", **SHARED)
    assert os.listdir(tmp_path / "new") == ["mine.txt"]
    with pytest.raises(FileExistsError, match="exists already"):
        training.train(tiny.Tiny(), colours(), tmp_path / "new", **SHARED)


def test_a_folder_in_use(broken, colours):
    """Is refused, and stays as it is; a finished one is in nobody's use."""
    data, recipe = colours(), tiny.Tiny()
    before = set(os.listdir(broken))
    with training.Run.open(broken, recipe, data, recipe.splits(data), 0, resume=True):
        with pytest.raises(RuntimeError, match="broken is held by process"):
            resume(broken, data)
        with pytest.raises(RuntimeError, match="broken is held by process"):
            training.train(recipe, data, broken, **SHARED)
    assert set(os.listdir(broken)) == before


def test_a_training_whose_folder_was_taken_stops(colours, tmp_path):
    class Take(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            (path,) = (tmp_path / "run").glob("lock-*.json")
            stated = json.loads(path.read_text())
            path.write_text(json.dumps(stated | {"token": "another"}))

    with pytest.raises(RuntimeError, match="is held by process"):
        training.train(tiny.Tiny(), colours(), tmp_path / "run", callbacks=[Take()], **SHARED)
    assert len(list((tmp_path / "run").glob("lock-*.json"))) == 1
    assert not files.others(tmp_path / "run") & set(checkpoint.FILES)


def test_names_of_all_languages(tmp_path):
    with contextlib.suppress(UnicodeEncodeError):  # a locale that cannot name it
        run = training.train(tiny.Tiny(epochs=1), named("猫"), tmp_path / "run", **SHARED)
        assert "猫" in (tmp_path / "run" / "confusion-test.csv").read_text(encoding="utf-8")
        assert run.manifest["data"]["classes"] == ["猫", "b"]
