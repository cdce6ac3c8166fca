"""The command line on a few images."""

import functools
import importlib.util
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import __main__ as command
from keras_classics import (
    __version__,
    analysis,
    applications,
    classifier,
    datasets,
    experiments,
    training,
    weights,
)
from keras_classics.datasets import read_image
from keras_classics.experiments import arms
from tests.training import tiny


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """A function that runs a command line, and returns what it printed."""
    monkeypatch.chdir(tmp_path)

    policy = keras.config.dtype_policy()

    def run(*words):
        command.main(["keras-classics", *words])
        return capsys.readouterr().out

    yield run
    keras.config.set_dtype_policy(policy)


SHORT = ["--epochs=2", "--curvature_patterns=5"]


@pytest.fixture
def run(cli, mnist, kept_run, tmp_path):
    """The run of a LeNet-5, in the folder `run`."""
    if not kept_run.exists():
        cli("train", "lenet5", "--data=mnist", f"--data_dir={mnist}", "--run_dir=run", *SHORT)
        shutil.copytree("run", kept_run)
    else:
        shutil.copytree(kept_run, tmp_path / "run")


@pytest.fixture(scope="module")
def kept_run(tmp_path_factory):
    """The folder that the first test makes which needs a run."""
    return tmp_path_factory.mktemp("kept") / "run"


def test_train_evaluate_predict(cli, mnist, tmp_path):
    words = ["train", "LeNet-5", "--data=mnist", f"--data_dir={mnist}", "--batch_size=4", *SHORT]
    printed = cli(*words, "--seed=7", "--j=5")
    folder = tmp_path / "runs" / "lenet5-mnist-1"
    errors = [line for line in printed.splitlines() if re.match(r"[\w -]+ error +[\d.]+ %", line)]
    assert [line.split(" error")[0] for line in errors] == [
        *("train", "train top-5", "test", "test top-5")
    ]
    assert [" of 12)" in line for line in errors] == [True, True, False, False]
    assert [" of 7)" in line for line in errors] == [False, False, True, True]
    assert "digit in its box of 20x20 on the plane of 32. Of test, true classes in rows:" in printed
    confusion = np.loadtxt(folder / "confusion-test.csv", delimiter=",", skiprows=1, dtype=int)
    np.testing.assert_array_equal(confusion[:, 1:].sum(axis=1), [1] * 7 + [0] * 3)
    rates = next(line for line in printed.splitlines() if "images a second; the input" in line)
    assert re.fullmatch(r"[\d,]+ images a second; the input alone [\d,]+", rates)
    assert f"In {folder.relative_to(tmp_path)}" in printed
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["seed"], manifest["recipe"]["j"]) == (7, 5.0)
    assert manifest["recipe"]["batch_size"] == 4
    assert manifest["versions"]["keras_classics"] == __version__
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    pytest.importorskip("matplotlib")
    assert len(list((folder / "pictures").glob("*.png"))) == 6

    printed = cli("evaluate", str(folder), f"--data_dir={mnist}")
    assert [line for line in printed.splitlines() if " error " in line][: len(errors)] == errors

    drawing = np.full((60, 40), 255, "uint8")
    drawing[10:50, 18:23] = 0  # a one
    Image.fromarray(drawing).save(tmp_path / "one.png")
    Image.fromarray(255 - drawing).save(tmp_path / "white-on-black.jpg", quality=95)
    lines = cli("predict", str(folder), "one.png", "white-on-black.jpg").splitlines()
    read = [line.split(": ")[1].split()[0] for line in lines]
    assert lines[0].startswith("one.png: ")
    assert "runner-up" in lines[0]
    assert read[0] == read[1]

    printed = cli(
        "evaluate", str(folder), f"--data_dir={mnist}", "--reject=50%,0", "--criterion=largest"
    )
    table = printed.partition("Rejected of test, by the largest score:\n")[2].splitlines()
    assert [re.sub(r" +", " ", line).split(" %")[0] for line in table[2:]] == ["0.00"]
    assert re.search(r"\(\d of 7\)", table[1])
    for asked in ("x", "-1", "101%", "nan"):
        with pytest.raises(SystemExit, match=f"--reject takes errors from 0.*reject={asked}"):
            cli("evaluate", str(folder), f"--data_dir={mnist}", f"--reject={asked}")

    cli(*words)
    other = tmp_path / "runs" / "lenet5-mnist-2"
    of_two = cli("evaluate", str(folder), str(other), f"--data_dir={mnist}").splitlines()
    assert [line for line in of_two if " error " in line][: len(errors)] == errors
    assert of_two[0] == str(folder)
    assert of_two[1 + len(errors)] == str(other)
    assert of_two[2 + 2 * len(errors)] == "2 networks, averaged"
    assert (other / "model.keras").is_file()
    compared = ["compare", str(folder), str(other)]
    printed = cli(*compared, f"--data_dir={mnist}", "--figure=curves.png")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()]
    assert ["j", "5", "10"] in rows
    assert ["seed", "7", "0"] in rows
    assert any(row[:1] == ["lenet5-mnist-1 and lenet5-mnist-2, test"] for row in rows)
    assert printed.endswith("The curves: curves.png\n")
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert "and lenet5-mnist-2" not in cli(*compared)
    with pytest.raises(SystemExit, match="With which other run.*compare RUN RUN"):
        cli("compare", str(folder))
    manifest.pop("errors")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SystemExit, match="--resume goes on with one. Received: .*mnist-1, not fin"):
        cli(*compared)


@pytest.mark.parametrize("network", ["lecun1989", "lenet1"])
def test_other_networks(cli, mnist, network, tmp_path):
    flags = ["--data=mnist", f"--data_dir={mnist}", "--run_dir=mine", "--learning_rates=1e-3,1e-4"]
    cli("train", network, *flags, *SHORT)
    assert training.Run(tmp_path / "mine").recipe.learning_rates == (1e-3, 1e-4)
    with pytest.raises(SystemExit, match="mine exists already, and runs are not overwritten"):
        cli("train", network, *flags, *SHORT)


def test_look(cli, mnist, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(applications.vit.SIZES, "Mini", (32, 2, 64, 2))
    flags = ["--batch_size=6", "--warmup_steps=0", "--epochs=1", "--run_dir=vit"]
    cli("train", "vit-mnist", "--data=mnist", f"--data_dir={mnist}", *flags)
    learned = {"learning_curves", "confusions", "position_similarities", "embedding_components"}
    seen = {"attention_overlay", "attention_heads", "attention_distances"}
    pictures = tmp_path / "vit" / "pictures"
    assert {path.stem for path in pictures.iterdir()} == learned | seen
    drawing = np.full((60, 40), 255, "uint8")
    drawing[10:50, 18:23] = 0
    for name in ("one.png", "i.png"):
        Image.fromarray(drawing).save(tmp_path / name)
    lines = cli("look", "vit", "one.png", "i.png").splitlines()
    named = cli("predict", "vit", "one.png", "i.png").splitlines()
    for stem, first, line in zip(("one", "i"), (0, 5), named, strict=True):
        assert lines[first] == line.partition(",")[0]
        written = {f"  vit/pictures/{name}-{stem}.png" for name in (*seen, "grad_cam")}
        assert set(lines[first + 1 : first + 5]) == written
        assert all((tmp_path / path.strip()).is_file() for path in written)
    with pytest.raises(SystemExit, match="must differ. Received: one.png, a/one.png"):
        cli("look", "vit", "one.png", "a/one.png")
    cli("train", "lenet1", "--data=mnist", f"--data_dir={mnist}", "--run_dir=lenet", *SHORT)
    lines = cli("look", "lenet", "one.png").splitlines()
    assert lines[1:] == ["  lenet/pictures/grad_cam-one.png"]
    with pytest.raises(SystemExit, match="Which images. keras-classics look RUN IMAGE"):
        cli("look", "lenet")


def test_look_by_published_weights(cli, tmp_path):
    pytest.importorskip("matplotlib")
    drawing = np.full((60, 40), 255, "uint8")
    drawing[10:50, 18:23] = 0
    Image.fromarray(drawing).save(tmp_path / "one.png")
    named, written = cli("look", "lenet5", "one.png").splitlines()
    assert named == cli("predict", "lenet5", "one.png").partition(",")[0]
    assert named.startswith("one.png: 1 (score ")
    assert written == "  pictures/grad_cam-one.png"
    assert (tmp_path / "pictures" / "grad_cam-one.png").stat().st_size > 1000


@pytest.fixture
def tiny_cli(cli, monkeypatch):
    """The command line, for a network that trains in no time on photographs."""
    train = training.train
    monkeypatch.setattr(command.engine, "recipe", lambda name: tiny.Tiny(batch_size=4))
    monkeypatch.setattr(training, "train", lambda *a, **k: train(*a, **k, builder=tiny.network))
    return cli


def numbers(printed):
    """The lines of a command's output that have an error."""
    return [line for line in printed.splitlines() if re.match(r"\w+ error +[\d.]+ %", line)]


def test_train_validation_and_test(tiny_cli, tmp_path):
    """Each number is of a split that is named, and photographs are read as the run read them."""
    exif = Image.Exif()
    exif[0x0112] = 6  # is to be turned by a quarter
    for split in ("Training", "valid", "Testing"):
        for name, grey in [("cat", 40), ("dog", 200)]:
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for k in range(3):
                image = Image.fromarray(np.full((8, 16, 3), grey, "uint8"))
                image.save(tmp_path / "pets" / split / name / f"{k}.jpg", exif=exif)
    printed = tiny_cli("train", "resnet18", "--data=pets", "--run_dir=run", "--upright", "--best")
    assert "pets (6 train, 6 validation, 6 test), into run" in printed
    assert [line.split()[0] for line in numbers(printed)] == ["validation", "test"]
    assert "Of test, true classes in rows:" in printed
    assert "2 epochs in " in printed
    run = training.Run("run")
    assert run.manifest["data"]["upright"]
    assert numbers(tiny_cli("evaluate", "run")) == numbers(printed)

    two = tiny_cli("train", "resnet18", "--data=pets/valid", "--classes=dog,cat", "--epochs=1")
    assert "1 epoch in " in two
    assert training.Run("runs/resnet18-valid-1").manifest["data"]["classes"] == ["dog", "cat"]
    assert numbers(tiny_cli("evaluate", "runs/resnet18-valid-1")) == numbers(two)
    with pytest.raises(SystemExit, match="pets/valid must have .*none of the name cow; there are"):
        tiny_cli("train", "resnet18", "--data=pets/valid", "--classes=cow,dog")


def test_pack_and_train(tiny_cli, tmp_path):
    """A packed folder stands for the folder."""
    for split in ("train", "val"):
        for name, grey in [("cat", 40), ("dog", 200)]:
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for k in range(4):
                image = Image.fromarray(np.full((16, 24, 3), grey + k, "uint8"))
                image.save(tmp_path / "pets" / split / name / f"{k}.jpg")
    printed = tiny_cli("pack", "pets", "packed", "--shards=2", "--short_side=12")
    assert "packed: 8 train, 8 validation in 4 shards, 1 MB" in printed
    printed = tiny_cli("train", "resnet18", "--data=packed", "--run_dir=run")
    assert "packed (8 train, 8 validation), into run" in printed
    trained = numbers(printed)
    assert numbers(tiny_cli("evaluate", "run")) == trained
    assert numbers(tiny_cli("evaluate", "run", "--data=packed")) == trained
    assert "packed compared with packed/shards.json in" in tiny_cli("check", "packed")
    shard = tmp_path / "packed" / "train-00000-of-00002.array_record"
    shard.write_bytes(bytes(shard.stat().st_size))
    with pytest.raises(SystemExit, match="1 file of packed differ"):
        tiny_cli("check", "packed")
    with pytest.raises(SystemExit, match="another short_side"):
        tiny_cli("pack", "pets", "packed", "--shards=2")
    with pytest.raises(SystemExit, match="--shards takes a whole number of 1 or more"):
        tiny_cli("pack", "pets", "packed", "--shards=0")


def test_predict_sees_photographs_upright(tiny_cli, tmp_path):
    stripes = np.zeros((40, 20, 3), "uint8")
    stripes[:20] = 255  # light above
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stripes).save(tmp_path / "up.png")
    Image.fromarray(np.rot90(stripes).copy()).save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(stripes).save(tmp_path / "up.webp", lossless=True)
    Image.fromarray(stripes).save(tmp_path / "up.tif")
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(stripes + k).save(tmp_path / "data" / name / f"{k}.png")
    tiny_cli("train", "resnet18", "--data=data", "--run_dir=run", "--epochs=1")
    run = training.Run("run")
    for other in ("turned.png", "up.webp", "up.tif"):
        np.testing.assert_array_equal(run.read(other), run.read("up.png"))
        found = tiny_cli("predict", "run", "up.png", other).splitlines()
        assert found[0].partition(": ")[2] == found[1].partition(": ")[2]
    with pytest.raises(SystemExit, match="^keras-classics: There is no file gone.png.$"):
        tiny_cli("predict", "run", "gone.png")
    with pytest.raises(SystemExit, match="^keras-classics: photo.heic cannot .* Save it as JPEG"):
        tiny_cli("predict", "run", "photo.heic")


def test_an_image_that_cannot_be_decoded_is_one_line(tmp_path):
    """In a process of its own, in which TensorFlow's own log would be seen."""
    (tmp_path / "text.webp").write_text("no image")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from keras_classics import datasets as d; d.read_image('text.webp')",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "0"},
    )
    assert "INVALID_ARGUMENT" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ValueError: text.webp cannot be decoded: not a")


def test_warnings_have_no_code(monkeypatch, capsys):
    def main(argv):
        warnings.warn("1 file is left out", stacklevel=1)
        warnings.warn("and this is of a library", DeprecationWarning, stacklevel=1)

    others = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(command, "main", main)
        monkeypatch.setattr(warnings, "showwarning", lambda *given: others.append(given[:2]))
        command.run()
        warnings.warn("this is later", stacklevel=1)
    assert capsys.readouterr().err == "keras-classics: 1 file is left out\n"
    assert [(str(message), category) for message, category in others] == [
        ("and this is of a library", DeprecationWarning),
        ("this is later", UserWarning),
    ]


def test_published_weights(cli, tmp_path, monkeypatch):
    """On a folder of one's own, beside the published errors."""
    network, path = applications.ResNetCIFAR(20), tmp_path / "published.npz"
    weights.save(network, path, convention="akamaster")
    monkeypatch.setattr(weights.Card, "path", lambda card: str(path))
    rng = np.random.default_rng(0)
    for name in ("dog", "cat"):
        (tmp_path / "mine" / "val" / name).mkdir(parents=True)
        for size in ((40, 50), (32, 32), (64, 33)):
            image = Image.fromarray(rng.integers(0, 256, (*size, 3), "uint8"))
            image.save(tmp_path / "mine" / "val" / name / f"{size[0]}.png")
    name = "akamaster/resnet20-12fca82f"
    flags = ["--network=resnet20-cifar", f"--weights={name}", "--data=mine"]
    lines = cli("evaluate", *flags).splitlines()
    assert lines[0].startswith(f"{name} on 6 images in ")
    assert re.fullmatch(r"top-1 error +[\d.]+ % \(\d of 6\); published: 8.27 %", lines[1])
    assert lines[2].endswith("not published")
    assert "the image itself" in lines[3]
    assert "Of 2 classes, among all 10" in lines[4]
    paths = [p for name in ("cat", "dog") for p in sorted((tmp_path / "mine/val" / name).iterdir())]
    model = classifier("resnet20_cifar", name)
    best = [model.predict(read_image(p)[None], verbose=0).argmax() for p in paths]
    wrong = sum(k != label for k, label in zip(best, [3] * 3 + [5] * 3, strict=True))
    assert f"({wrong} of 6)" in lines[1]

    of_file = cli("evaluate", flags[0], f"--weights={path}", flags[2]).splitlines()
    assert of_file[0].startswith(f"{path} on 6 images")
    assert of_file[1:3] == [line.partition(";")[0] for line in lines[1:3]]
    assert "Of 2 classes" in of_file[3]
    with pytest.raises(SystemExit, match="keras/resnet50 is of resnet50, and not"):
        cli("evaluate", flags[0], f"--weights={path}", "--like=resnet50", flags[2])

    (tmp_path / "mine" / "val" / "dog" / "broken.png").write_bytes(b"no image")
    assert cli("evaluate", *flags).splitlines()[1] == lines[1]
    with pytest.raises(SystemExit, match=r"broken.png cannot be decoded"):
        cli("evaluate", *flags, "--corrupt=refuse")
    (tmp_path / "mine" / "val" / "dog").rename(tmp_path / "mine" / "val" / "tiger")
    with pytest.raises(SystemExit, match="among the network's 10, such as airplane.*: tiger"):
        cli("evaluate", *flags)
    with pytest.raises(SystemExit, match="Which data?"):
        cli("evaluate", *flags[:2])
    with pytest.raises(SystemExit, match="Which network?"):
        cli("evaluate")
    with pytest.raises(SystemExit, match="There is no data set or folder .nowhere"):
        cli("evaluate", *flags[:2], "--data=nowhere")


def test_digits_without_a_run(cli, mnist, tmp_path):
    """The weights in the package read drawings, light on dark or dark on light, and MNIST."""
    drawing = np.full((90, 60), 255, "uint8")
    drawing[15:75, 28:33] = 0  # a one
    Image.fromarray(drawing).save(tmp_path / "one.png")
    Image.fromarray(255 - drawing).convert("RGB").save(tmp_path / "light.jpg", quality=95)
    for name in ("lenet5", "LeNet-1", "lecun1989"):
        lines = cli("predict", name, "one.png", "light.jpg").splitlines()
        assert [line.split()[:2] for line in lines] == [["one.png:", "1"], ["light.jpg:", "1"]]
        assert all("runner-up" in line for line in lines)
    softmax = cli("predict", "lenet5", "one.png", "--weights=lenet5-mnist-softmax")
    assert re.match(r"one.png: 1 \(score (1|0\.9\d*)\), runner-up", softmax)
    with pytest.raises(SystemExit, match="Which images"):
        cli("predict", "lenet5")
    with pytest.raises(SystemExit, match="There is no file gone.png"):
        cli("predict", "lenet5", "gone.png")
    with pytest.raises(SystemExit, match="no weights 'imagenet' .*/lenet5-mnist"):
        cli("predict", "lenet5", "one.png", "--weights=imagenet")
    lines = cli("evaluate", "--network=lenet5", "--data=mnist", f"--data_dir={mnist}").splitlines()
    assert lines[0].startswith("keras_classics/lenet5-mnist on 7 images in ")
    for name in "abcdefghij":
        folder = tmp_path / "letters" / "val" / name
        folder.mkdir(parents=True)
        Image.fromarray(drawing).save(folder / "one.png")
    lines = cli("evaluate", "--network=lenet5", "--data=letters").splitlines()
    assert lines[0].startswith("lenet5 knows none of these classes.")
    assert lines[0].endswith("in its order: from a, as 0, to j, as 9.")
    assert "90.00 % (9 of 10)" in lines[2]
    flags = ["--data=mnist", f"--data_dir={mnist}", "--reject=1%", "--figure=curve.png"]
    if importlib.util.find_spec("matplotlib"):
        several = cli("evaluate", "--network=lenet1,lecun1989", *flags)
        assert "2 networks, averaged\ntest error" in several
        assert "by the largest score, the second and their difference" in several
        assert (tmp_path / "curve.png").stat().st_size > 5000
    both = "--weights=lenet5-mnist,lenet5-mnist-softmax"
    with pytest.raises(SystemExit, match="no common mean"):
        cli("evaluate", "--network=lenet5,lenet5", both, *flags)
    with pytest.raises(SystemExit, match="is for all networks, or has one for each"):
        cli("evaluate", "--network=lenet5,lenet5", "--weights=a,b,c", *flags)


def test_list_of_weights(cli):
    printed = cli("weights", "alexnet")
    assert "caffe/bvlc_alexnet" in printed
    assert "torchvision/alexnet-owt-7be5be79: torchvision's alexnet is the network of" in printed
    assert len(cli("weights").splitlines()) > len(weights.cards())
    with pytest.raises(SystemExit, match="No weights are published for 'plain18'"):
        cli("weights", "plain18")


def test_report_and_list(cli):
    printed = cli("report", "lenet5")
    total = next(line.split() for line in printed.splitlines() if line.startswith("total"))
    assert total[:5] == ["total", "60,000", "60,000", "340,908", "340,908"]
    _, reached, trained = re.split(r"\n\n.+, errors in %\n\n", printed)
    assert "LeNet-5, trained with distortions" in reached
    assert f"{weights.cards('lenet5')[0].top1}" in trained
    assert "keras/resnet50 " in cli("report", "resnet50")
    assert "Published" not in cli("report", "plain18")
    assert "What" not in cli("report", "resnet8_cifar")
    assert "googlenet-1378be20" not in cli("report", "googlenet"), "which is refused"
    rows = {line.split()[0]: line for line in cli("report", "googlenet").splitlines() if line}
    assert "differs  the widths give 498K" in rows["inception_4c"]
    assert rows["total"].split()[1:3] == ["6,998,552", "6,990,272"]
    fields = [line.split() for line in cli("report", "lenet5", "--fields").splitlines()]
    assert ["S4", "5x5x16", "16x16", "4x4", "0x0"] in fields
    printed = cli("list")
    for word in ("lenet5", "alexnet", "vgg16", "relu_vs_tanh", "mnist", "cifar10", "FOLDER"):
        assert f"  {word} " in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], "no command 'fly'; there are train, finetune, evaluate, predict"),
        (["trian"], "no command 'trian'. Did you mean train"),
        (["train"], "Usage:\n  keras-classics train NETWORK --data=NAME"),
        (["train", "resnet20", "--data=mnist"], "no network or recipe 'resnet20'. Did you mean"),
        (["train", "cuda_convnet_80sec", "--data=mnist"], "32x32 in memory.*: --data=cifar10"),
        (["train", "lenet5"], "Which data. lenet5 trains on --data=digits, mnist or usps"),
        (["train", "vgg"], "Which data. vgg trains on --data=cifar10, tfds:NAME, or a folder"),
        (["train", "vgg", "--short_side=256;512"], "commas between.*--short_side=256;512"),
        (
            ["train", "lenet5", "--data=svhn"],
            "no data set or folder 'svhn'; there are digits, mnist, usps",
        ),
        (["train", "lenet5", "--data=cifar10"], "lenet5 trains on digits.*cifar10, of 3 channels"),
        (
            ["train", "resnet20_cifar", "--data=mnist"],
            "32x32 in memory, of 3 channels: --data=cifar10",
        ),
        (["train", "vit", "--data=mnist"], "mnist has images of 1 channel: --channels=1"),
        (["train", "lenet5", "--data=digits", "--color"], "flag 'color'(.|\n)*It has --data"),
        (["train", "alexnet", "--data=digits"], "trains on images of 3 channels: --data=cifar10"),
        (["train", "alexnet", "--data=no/where"], "There is no folder .*no/where"),
        (["train", "alexnet", "--data=digits", "--corrupt=keep"], "corrupt(.|\n)*keep"),
        (["train", "alexnet", "--data=digits", "--towers=3"], "`towers` must be 1 or 2"),
        (["train", "resnet18", "--weights=imagenet", "--data=x/y"], "flag 'weights'(.|\n)*--data"),
        (["recipe", "alexnet", "--lrn", "False"], "Received:\n.*\n.*behind =: --FLAG=False"),
        (["recipe", "alexnet", "data=digits"], "begins with two dashes: --data=digits"),
        (["recipe", "vgg", "--short_side", "256,", "512"], "commas and no spaces: --FLAG=1,2,3"),
        (["recipe", "alexnet", "--lrn=maybe"], "--lrn takes true or false. Received: --lrn=maybe$"),
        (["recipe", "lenet5", "--learning_rates="], "`learning_rates` must be one or more values"),
        (["recipe", "alexnet", "--factor=-1"], "`factor` must be.*above 0.*Received: factor=-1.0"),
        (["recipe", "alexnet", "--learning_rate=nan"], "`learning_rate` must be a number, at le"),
        (["train", "lenet5", "--data=digits", "--seed=-1"], "--seed takes .* from 0 to 4294967295"),
        (["train", "vgg", "--data=x/y", "--early_stopping=0"], "--early_stopping takes .* 1 or m"),
        (["recipe", "alexnet", "--epochs=1.5"], "--epochs takes a whole number. Received: --epo"),
        (["recipe", "resnet21_cifar"], "no network 'resnet21_cifar': its depth must be 6n . 2"),
        (["recipe", "resnet20"], "Did you mean resnet20_cifar"),
        (["report", "resnet"], "a family: name one of its networks, resnet18, resnet34"),
        (["train", "--network=resnet50"], "a word of its own: keras-classics train NETWORK"),
        (["train", "resnet50", "--depth=50"], "a word of its own"),
        (["train", "lenet5", "--data=digits", "--strategy=tpu"], "one of auto, default, mirrored"),
        (["train", "alexnet", "--data=nofolder"], "no data set or folder 'nofolder'; there are"),
        (["evaluate", "resnet50"], "evaluate --network=resnet50 --weights=imagenet"),
        (["reproduce", "figure-1"], "no experiment 'figure-1'; there are relu_vs_tanh, lrn"),
        (["reproduce", "robustness", "--epochs=5"], "trains none.*out. Received: --epochs=5"),
        (["reproduce", "lrn", "--seeds=0"], "a whole number of 1 or more. Received: --seeds=0"),
        (["reproduce", "lrn", "--data_dir=no"], "no/data_batch_1.bin, which does not exist"),
        (["train", "lenet5", "--data=mnist", "--data_dir=no"], "no/train-images-idx3-ubyte.gz"),
        (["train", "lenet5", "--epochss=3"], "flag 'epochss'. Did you mean: epochs"),
        (["train", "lenet5", "--epochs=many"], "epochs(.|\n)*many"),
        (["train", "lenet5", "--data=digits", "--head=softmax"], "with the loss crossentropy"),
        (["report", "resnet20"], "no network 'resnet20'. Did you mean"),
        (["report", "lenet5", "lenet1"], "Usage:\n  keras-classics report NETWORK"),
        (["weights", "--seed=3"], "flag 'seed'\nIt has no flags"),
        (["list", "--data=mnist"], "flag 'data'\nIt has no flags"),
        (["evaluate", "nowhere"], "nowhere is not a run folder"),
        (["evaluate", "--epochs=2"], "flag 'epochs'(.|\n)*It has --data"),
        (["predict", "nowhere"], "nowhere is not a run folder"),
        (["look", "nowhere", "one.png"], "nowhere is not a run folder"),
        (
            ["look", "lenett", "one.png"],
            "not a run folder.* Or the network lenet[145] or lenet[145]",
        ),
    ],
)
def test_misuse(cli, words, message):
    with pytest.raises(SystemExit, match=message):
        cli(*words)


def test_unreadable_image(cli, run, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    Image.new("L", (20, 20), 128).save(tmp_path / "grey.png")
    for name, message in [
        ("notes.png", "notes.png is not an image that Pillow can read: save it as PNG"),
        ("grey.png", "grey.png shows no digit"),
        ("gone.png", "There is no file gone.png"),
    ]:
        with pytest.raises(SystemExit, match=message):
            cli("predict", "run", name)


def test_other_data_than_a_run_can_read(cli, run):
    """Refused before they are read or downloaded; data of a user likewise."""
    with pytest.raises(SystemExit, match="lenet5 trains on digits.*cifar10, of 3 channels"):
        cli("evaluate", "run", "--data=cifar10")
    pair = np.zeros((2, 32, 32, 3), "uint8"), [0, 1]
    with pytest.raises(ValueError, match="lenet5 trains on digits.*own, of 3 channels"):
        training.Run("run").evaluate(datasets.wrap(pair, pair))
    split = datasets.Digits(np.zeros((2, 28, 28, 1)), [0, 1], 20)
    with pytest.raises(ValueError, match="knows 10 classes.*Received: two with 2 classes"):
        training.Run("run").evaluate(datasets.Images("two", ("a", "b"), split, split))


def test_which_images(cli, run):
    for name in ("predict", "look"):
        with pytest.raises(SystemExit, match=f"Which images. keras-classics {name} RUN IMAGE"):
            cli(name, "run")


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_help(cli, words):
    printed = cli(*words)
    assert "keras-classics train NETWORK --data=NAME" in printed
    assert all(len(line) <= 100 for line in printed.splitlines())


def test_help_of_a_command_has_its_flags_alone(cli):
    printed = cli("train", "resnet50", "--help")
    groups = [line for line in printed.splitlines() if line.endswith(":") and line[0] != " "]
    assert groups == ["Usage:", "Data:", "Run:", "Devices:", "Recipe (resnet50):"]
    for flag in ("--data ", "--strategy=auto ", "--epochs=120 ", "--short_side=256,480 "):
        assert f"  {flag}" in printed
    for flag in ("--j", "--warmup_steps", "--network", "--weights", "--seeds"):
        assert f"  {flag}" not in printed
    assert "  --j=10 " in cli("train", "lenet5", "--help")
    assert "name a network" in cli("train", "--help")
    for line in printed.splitlines():
        assert len(line) <= 100
    assert "  --network" in cli("evaluate", "--help")


def test_help_of_a_word(cli):
    assert cli("help", "train", "alexnet") == cli("train", "alexnet", "--help")
    assert "  relu_vs_tanh" in cli("reproduce", "--help")


@pytest.mark.parametrize("word", ["--version", "-version", "version"])
def test_version(cli, word):
    assert cli(word) == f"{__version__}\n"


def test_flags_may_stand_anywhere(cli):
    expected = cli("recipe", "vgg", "--image_size=96")
    assert "changed from 224" in expected
    assert cli("recipe", "--image_size=96", "vgg") == expected
    assert cli("recipe", "--image_size", "96", "vgg") == expected
    expected = cli("recipe", "alexnet", "--lrn=False")
    assert "changed from True" in expected
    assert cli("recipe", "--nolrn", "alexnet") == expected


def test_a_flag_of_a_number_that_may_be_left_out(cli):
    assert "changed from none" in cli("recipe", "vit_finetune", "--dropout=0.1")


def test_any_spelling_of_a_network(cli):
    for name in ("ResNet-50", "resnet_50", "ResNet50"):
        assert cli("recipe", name) == cli("recipe", "resnet50")
    assert cli("recipe", "vgg_d") == cli("recipe", "vgg16") == cli("recipe", "vgg")


def test_ctrl_c_and_resume(cli, mnist, tmp_path, monkeypatch):
    """The message has the command that goes on; without a folder, `--resume` takes the last run."""
    flags = ["--data=mnist", f"--data_dir={mnist}", "--batch_size=4", *SHORT]
    cli("train", "lenet5", *flags, "--run_dir=unbroken", "--best")

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    train = functools.partial(training.train, callbacks=[Interrupt()])
    with monkeypatch.context() as patch:
        patch.setattr(training, "train", lambda *args, callbacks, **more: train(*args, **more))
        with pytest.raises(SystemExit) as raised:
            cli("train", "lenet5", *flags, "--best")
    signal.signal(signal.SIGINT, before)
    message = str(raised.value)
    assert (
        "interrupted. The last good checkpoint is runs/lenet5-mnist-1/checkpoint-1.npz" in message
    )
    again = message.partition("To go on: keras-classics ")[2].split()
    assert again[:2] == ["train", "lenet5"]
    assert again[-2:] == ["--run_dir=runs/lenet5-mnist-1", "--resume"]
    cli(*again)
    assert "In runs/lenet5-mnist-1: model.keras" in cli("train", "lenet5", *flags, "--resume")
    histories = [tmp_path / each / "history.csv" for each in ("unbroken", "runs/lenet5-mnist-1")]
    assert histories[0].read_text() == histories[1].read_text()
    assert not (tmp_path / "runs" / "lenet5-mnist-2").exists()


def test_ctrl_c_at_any_moment(tiny_cli, tmp_path, monkeypatch):
    """Where it stands, and the command that goes on, which does."""
    for name, grey in [("cat", 40), ("dog", 200)]:
        (tmp_path / "my pets" / name).mkdir(parents=True)
        for k in range(3):
            image = Image.fromarray(np.full((8, 16, 3), grey, "uint8"))
            image.save(tmp_path / "my pets" / name / f"{k}.png")
    words = ["train", "resnet18", "--data=my pets"]

    def interrupted(owner, name, *words):
        def interrupt(*arguments, **named):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, interrupt)
            with pytest.raises(SystemExit) as raised:
                tiny_cli(*words)
        return str(raised.value).removeprefix("\nkeras-classics: interrupted. ")

    nothing = "Nothing was begun: the same command begins anew."
    assert interrupted(datasets, "load", *words) == nothing
    assert interrupted(training.trainer, "prepare", *words) == nothing
    assert not (tmp_path / "runs" / "resnet18-my pets-1").exists()
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").touch()
    assert interrupted(datasets, "load", *words, "--run_dir=new") == nothing
    assert interrupted(datasets, "load", *words, "--run_dir=empty") == nothing
    message = interrupted(datasets, "load", *words, "--run_dir=other")
    assert message.startswith("Nothing was begun. other exists already, and runs are not overwri")
    message = interrupted(training.Run, "finish", *words)
    again = "train resnet18 '--data=my pets' '--run_dir=runs/resnet18-my pets-1' --resume"
    standing = "What has been trained is in runs/resnet18-my pets-1."
    assert message == f"{standing}\nTo go on: keras-classics {again}"
    again = shlex.split(again)
    beside = [*words, "--run_dir=runs/resnet18-my pets-1"]  # of which a start would be refused
    assert interrupted(datasets, "load", *beside) == message
    assert interrupted(training.trainer, "prepare", *again) == message
    message = interrupted(analysis, "draw", *again)
    assert message.startswith("The network is trained, tested and saved. Its pictures may be miss")
    assert interrupted(datasets, "load", *beside) == message
    assert "In runs/resnet18-my pets-1: model.keras" in tiny_cli(*again)
    message = interrupted(training.Run, "predictions", "evaluate", "runs/resnet18-my pets-1")
    assert message == "An unfinished run folder has no model."

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    tiny_cli("evaluate", "runs/resnet18-my pets-1")
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    tiny_cli("evaluate", "runs/resnet18-my pets-1", "--confusion_dir=confusions")
    name = "confusion-validation.csv"
    expected = (tmp_path / "runs" / "resnet18-my pets-1" / name).read_text()
    assert (tmp_path / "confusions" / name).read_text() == expected


def test_recipe(cli):
    printed = cli("recipe", "vgg", "--image_size=96")
    assert "Update rule: momentum SGD" in printed
    assert all(len(line) <= 100 for line in printed.splitlines())
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert rows["field"] == ["field", "value", "source", "meaning"]
    assert rows["epochs"][1:4] == ["74", "section", "3.1"]
    assert rows["image_size"][1:5] == ["96", "changed", "from", "224"]


def test_a_process_of_its_own_knows_the_classes_of_a_run(cli, mnist, run):
    """The command line imports only what its command needs."""
    done = subprocess.run(
        [sys.executable, "-m", "keras_classics", "evaluate", "run", f"--data_dir={mnist}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("train error")


def test_an_experiment_says_how_to_go_on(cli, tmp_path, monkeypatch):
    """Its folder is refused without --resume, and taken with it."""
    asked = []

    def run(data_dir, folder, **lengths):
        asked.append((folder, lengths))
        arms.Arms("lrn", folder, None, 1)
        if len(asked) == 1:
            raise training.Interrupted("It stands here.", folder / "with-0")
        if len(asked) == 2:
            raise KeyboardInterrupt
        return "The table."

    monkeypatch.setattr(experiments.find("lrn"), "run", run)
    again = "keras-classics reproduce lrn --epochs=4 --run_dir=runs/lrn-1 --resume"
    with pytest.raises(SystemExit, match=f"interrupted. It stands here.\nTo go on: {again}$"):
        cli("reproduce", "lrn", "--epochs=4")
    with pytest.raises(SystemExit, match="runs/lrn-1 exists already.*resume the run that is in it"):
        cli("reproduce", "lrn", "--run_dir=runs/lrn-1")
    with pytest.raises(SystemExit, match=f"The runs are in runs/lrn-1.*\nTo go on: {again}$"):
        cli(*again.split()[1:])
    assert "The table." in cli("reproduce", "lrn", "--epochs=4", "--resume")  # the last one there
    assert asked == [(pathlib.Path("runs/lrn-1"), {"epochs": 4})] * 3
