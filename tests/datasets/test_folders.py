"""The splits and the classes of a folder: which names and layouts are understood, and refused."""

import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets, training
from keras_classics.datasets.folders import split_of
from tests.training import tiny


def write(root, *folders, count=2):
    """Writes tiny images into folders; each has the grey of its number."""
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            Image.fromarray(np.full((2, 3), number, "uint8")).save(root / folder / f"{k}.png")


def divided(*splits, classes=("a", "b", "c")):
    return [f"{split}/{name}" for split in splits for name in classes]


def read_from(split, root):
    """The folders, within a root, that a split reads."""
    folders = {path.removeprefix(f"{root}/").rpartition("/")[0] for path in split.paths}
    return sorted(folders)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, "train") for name in ("train", "TRAIN", "Training", "train_set", "trainset")),
        *((name, "train") for name in ("training-set", "Train Data", "TrainImages", "train2017")),
        *((name, "train") for name in ("images_train", "trainval", "train_01", "trainingdata")),
        *((name, "validation") for name in ("val", "Valid", "validation", "VAL_IMAGES", "valset")),
        *((name, "validation") for name in ("dev", "devset", "val2017", "validation set")),
        *((name, "test") for name in ("test", "Testing", "test1", "test_set", "testset", "Eval")),
        *((name, None) for name in ("trains", "bullet_train", "test_tube", "contest", "valley")),
        *((name, None) for name in ("train_test", "Device", "attest", "2019", "invalid", "")),
    ],
)
def test_names_of_splits(name, split):
    assert split_of([name]) == ({name: split} if split else {})


def test_names_of_splits_that_share_a_word():
    both = {"asl_alphabet_train": "train", "asl_alphabet_test": "test"}
    assert split_of([*both, "asl"]) == both
    assert split_of(["seg_pred", "seg_val", "seg_train"]) == {
        "seg_val": "validation",
        "seg_train": "train",
    }
    assert not split_of(["bullet_train", "crash_test"])
    assert not split_of(["crash_test", "crash_val"])


@pytest.mark.parametrize(
    ("train", "held"),
    [
        ("train", "val"),
        ("Training", "Testing"),
        ("Train", "Val"),
        ("training_set/training_set", "test_set/test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/Train", "valid/images_valid"),
        ("TrainingData", "test"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_two_splits(train, held, tmp_path):
    write(tmp_path, *divided(train, held))
    data = datasets.load(str(tmp_path))
    assert (data.classes, data.held, data.test) == (("a", "b", "c"), "validation", None)
    assert read_from(data.train, tmp_path) == divided(train)
    assert read_from(data.validation, tmp_path) == divided(held)
    classes, split = datasets.test_folder(tmp_path)
    assert (classes, read_from(split, tmp_path)) == (("a", "b", "c"), divided(held))


@pytest.mark.parametrize(
    ("train", "held", "test"),
    [
        ("train", "valid", "test"),
        ("train", "val", "test"),
        ("TRAIN", "Validation", "TEST"),
        ("training_set", "dev_set", "test_set"),
        ("x_train/x_train", "x_val/x_val", "x_test/x_test"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_three_splits(train, held, test, tmp_path):
    write(tmp_path, *divided(train, held, test))
    data = datasets.load(str(tmp_path))
    for split, name in zip(data.splits, (train, held, test), strict=True):
        assert read_from(split, tmp_path) == divided(name)
        assert split.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert list(data.parts) == ["train", "validation", "test"]
    assert read_from(datasets.test_folder(tmp_path)[1], tmp_path) == divided(test)


def test_a_folder_within_the_same(tmp_path):
    write(tmp_path / "xray", *divided("xray/train", "xray/val", "__MACOSX/xray/train"))
    data = datasets.load(str(tmp_path / "xray"))
    assert read_from(data.validation, tmp_path / "xray") == divided("xray/val")
    write(tmp_path / "pets", "pets/cat", "pets/dog")
    assert datasets.load(str(tmp_path / "pets")).classes == ("cat", "dog")


@pytest.mark.filterwarnings("ignore:Beside")
def test_what_stands_beside_the_splits_is_ignored(tmp_path):
    write(tmp_path, *divided("seg_train", "seg_val"), "seg_pred/seg_pred", "seg_test")
    (tmp_path / "annotations").mkdir()
    with pytest.warns(UserWarning, match="ignored") as caught:
        data = datasets.load(str(tmp_path))
    assert (data.classes, data.test) == (("a", "b", "c"), None)
    first, second = (str(warning.message) for warning in caught)
    assert first.endswith("other folders are ignored: seg_pred")
    assert second.endswith("seg_test is ignored: it has no sub-folder for each class.")
    assert read_from(datasets.test_folder(tmp_path)[1], tmp_path) == divided("seg_val")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            ["train", "test1"],
            "/train must have a sub-folder of images for each class, and has none",
        ),
        (["train"], "/train must have a sub-folder of images for each class, and has none"),
        (["train", "unknown"], r"/train must have .*are classes, .* \(--classes=train,unknown\)"),
        (["train/train", "val/a"], "/train/train must have a sub-folder of images for each class"),
        (divided("rps", "rps-test-set"), "same folders within them.*Received: a, b, c in each of"),
        (divided("good", "bad", "ugly"), "Name splits train, val and test.*--classes=bad,good,ug"),
        (
            divided("cat", "dog", classes=("train", "test")),
            "as in test/cat. .*: test, train in eac",
        ),
        ([*divided("test"), *divided("test_images")], "one folder with .* for test. .*: test, tes"),
        (divided("val", "test"), "must have `train` beside other splits.*Received: val, test"),
        ([*divided("train"), "test"], "none of val, validation, test with .*/train itself"),
        ([*divided("train"), "test/x"], "classes of .*/test must be classes of .*Received: x"),
        (["train/a", "train/b", "car", "bus"], "none of val.*--classes=bus,car,train"),
    ],
)
@pytest.mark.filterwarnings("ignore:Beside")
def test_layouts_that_are_refused(folders, message, tmp_path):
    write(tmp_path, *folders)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        datasets.load(str(tmp_path))


def test_no_split_to_test_with(tmp_path):
    write(tmp_path, *divided("train"))
    with pytest.raises(FileNotFoundError, match="none of test, val, validation .*/train itself"):
        datasets.test_folder(tmp_path)


@pytest.mark.parametrize(
    "names",
    [("bus", "car", "train"), ("bullet_train", "test_tube"), ("a_set", "test", "b")],
)
@pytest.mark.filterwarnings("error")
def test_a_class_may_have_the_name_of_a_split(names, tmp_path):
    write(tmp_path, *names)
    data = datasets.load(str(tmp_path))
    assert data.classes == tuple(sorted(names))


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (["train", "test"], ["train", "test"]),
        (["Training/a", "Testing/a"], ["Training", "Testing"]),
        (divided("good", "bad"), ["good", "bad"]),
        (["bus", "train/x", "train/y"], ["bus", "train"]),
        (["a", "b", "c", "notes"], ["c", "a"]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_classes_that_are_named(folders, classes, tmp_path):
    """They are in the order that was asked for."""
    write(tmp_path, *folders)
    data = datasets.load(str(tmp_path), classes=classes)
    assert data.classes == tuple(classes)
    for split in data.splits:
        for path, label in zip(split.paths, split.labels, strict=True):
            assert path.startswith(f"{tmp_path}/{classes[label]}/")
    assert datasets.test_folder(tmp_path, classes=classes)[0] == tuple(classes)


@pytest.mark.filterwarnings("error")
def test_classes_of_splits_that_are_named(tmp_path):
    write(tmp_path, *divided("train", "val"), "test/a", "test/c", "test/d")
    data = datasets.load(str(tmp_path), classes=["b", "a"])
    assert read_from(data.train, tmp_path) == ["train/a", "train/b"]
    assert data.validation.labels.tolist() == [0, 0, 1, 1]
    assert (read_from(data.test, tmp_path), data.test.labels.tolist()) == (["test/a"], [1, 1])
    with pytest.raises(FileNotFoundError, match="/train must .*none of the name d, e; there are a"):
        datasets.load(str(tmp_path), classes=["a", "e", "d"])


def test_classes_of_a_folder_alone(tmp_path):
    with pytest.raises(ValueError, match="sub-folders of a folder.*Received: digits, classes=1, 7"):
        datasets.load("digits", classes=["1", "7"])
    assert datasets.is_folder(tmp_path)
    assert not datasets.is_folder("MNIST")


def test_three_splits_of_ones_own():
    pairs = [(np.full((n, 4, 4, 3), n, "uint8"), np.arange(n) % 2) for n in (6, 4, 2)]
    data = datasets.wrap(*pairs[:2], test=pairs[2])
    assert [len(split) for split in data.splits] == [6, 4, 2]
    assert data.side == 4
    with pytest.raises(ValueError, match="labels from 0 to 1. Received: 2 for image 0 of test"):
        datasets.wrap(*pairs[:2], test=(pairs[2][0], [2, 0]))
    with pytest.raises(ValueError, match="`held` must be another word.*Received: held='test'"):
        datasets.wrap(*pairs[:2], test=pairs[2], held="test")


def test_a_survey_of_three_splits(tmp_path):
    write(tmp_path, *divided("train", "val", "test", classes="ab"))
    for split in ("val", "test"):
        (tmp_path / split / "a" / "bad.png").write_bytes(b"")
    data = datasets.load(str(tmp_path))
    with pytest.warns(UserWarning, match="2 files of .*test/a/bad.png .*val/a/bad.png .* They are"):
        sound, damaged = data.survey()
    assert [len(split) for split in sound.splits] == [4, 4, 4]
    assert [len(split) for split in data.without(damaged).splits] == [4, 4, 4]


def test_validation_decides_and_the_test_is_apart(tmp_path):
    """Where the classes of `test` are exchanged, all of it is misread, and nothing else."""
    classes, exchanged = ("dark", "light"), ("light", "dark")
    for split, names in [("train", classes), ("valid", classes), ("test", exchanged)]:
        for name, grey in zip(names, (0, 255), strict=True):
            (tmp_path / split / name).mkdir(parents=True)
            for k in range(4):
                Image.new("RGB", (3, 2), (grey,) * 3).save(tmp_path / split / name / f"{k}.png")
    data, recipe = datasets.load(str(tmp_path)), tiny.Tiny(batch_size=8, learning_rate=1.0)
    options = {"builder": tiny.network, "verbose": 0}
    run = training.train(recipe, data, tmp_path / "run", **options)
    errors = run.manifest["errors"]
    assert {part: (each["wrong"], each["of"]) for part, each in errors.items()} == {
        "validation": (0, 8),
        "test": (8, 8),
    }
    assert run.history["val_accuracy"][-1] == 1
    assert [run.manifest["data"][part] for part in data.parts] == [8, 8, 8]
    assert run.evaluate(data) == errors
    assert {path.name for path in (tmp_path / "run").glob("confusion-*")} == {
        "confusion-validation.csv",
        "confusion-test.csv",
    }
