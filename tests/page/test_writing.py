"""Which networks a page can show, the command that writes it, and the server of one page."""

import pathlib
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest

from keras_classics import Classifier, applications, datasets, layers, page, preprocessing, training
from keras_classics import __main__ as command
from keras_classics.page.reading import read
from keras_classics.page.writing import LETTERS, letters

TEN = [(name, name) for name in "0123456789"]


def network(*of):
    """A network of these layers after a convolution, on a plane of 16."""
    x = image = keras.Input((16, 16, 1))
    for layer in of:
        x = layer(x)
    return keras.Model(image, keras.layers.Flatten()(x), name="mine")


def forked():
    x = image = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(1, 3, padding="same")(x)
    return keras.Model(image, keras.layers.Add(name="add")([x, image]), name="forked")


def test_letters():
    assert len(set(LETTERS)) == 91
    rng = np.random.default_rng(0)
    for length in (1, 12, 13, 14, 1000):
        packed = rng.integers(0, 256, length).astype("u1").tobytes()
        text = letters(packed)
        number = 0
        for high, low in zip(text[::2], text[1::2], strict=True):
            number = (number << 13) + 91 * LETTERS.index(ord(high)) + LETTERS.index(ord(low))
        lacking = -(8 * length) % 13
        assert (number >> lacking).to_bytes(length, "big") == packed


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: network(keras.layers.MaxPooling2D(2)), "kinds Conv2D.*a MaxPooling2D"),
        (lambda: network(keras.layers.Conv2D(2, 3, activation="gelu")), "activations linear.*gelu"),
        (lambda: network(keras.layers.Conv2D(2, 3, dilation_rate=2)), "groups and dilation.*conv"),
        (
            lambda: network(layers.ScaledSubsampling2D(2, depth_multiplier=2)),
            "one map of each. Received: layer scaled_sub",
        ),
        (forked, "each called once. forked has another arrangement, at add"),
    ],
)
def test_what_a_page_cannot_show(model, message):
    with pytest.raises(ValueError, match=message):
        read(model())


def test_a_layer_that_is_called_twice():
    x = image = keras.Input((16, 16, 1))
    layer = keras.layers.Conv2D(1, 3, padding="same")
    with pytest.raises(ValueError, match="follow each other"):
        read(keras.Model(image, layer(layer(x))))


def test_which_networks(tmp_path):
    assert page.shown("LeNet-5").name == "lenet5-mnist"
    assert page.shown("LeNet-5").about.startswith("LeNet5(), 60,000 parameters; misreads 0.86 % (")
    assert page.shown("lenet5-mnist-softmax").name == "lenet5-mnist-softmax"
    assert page.shown("keras_classics/lenet1-usps").name == "lenet1-usps"
    with pytest.raises(ValueError, match="folder of a run that trained one.*Received: resnet50"):
        page.shown("resnet50")
    with pytest.raises(ValueError, match="lenet5-mnist-softmax. Received: runs/none"):
        page.shown("runs/none")
    with pytest.raises(ValueError, match="`word` must be the name of a network"):
        page.shown(3)
    plain = preprocessing.ClassifierInput(resize=16, crop=16)
    photographs = Classifier(applications.ResNetCIFAR(8, input_shape=(16, 16, 3)), plain, TEN)
    with pytest.raises(ValueError, match="DigitInput.*with a ClassifierInput"):
        page.write(tmp_path / "page.html", [photographs])
    assert not list(tmp_path.iterdir())


def test_which_digits(tmp_path):
    with pytest.raises(ValueError, match="digits, mnist or usps. Received: data=cifar10"):
        page.write(tmp_path / "page.html", ["lenet1"], "cifar10")
    grey = np.zeros((4, 28, 28, 1), "uint8")
    split = datasets.Arrays(grey, np.arange(4) % 2)
    data = datasets.Images("fashion", ("shoe", "coat"), split, split, held="test")
    with pytest.raises(ValueError, match="digits, mnist or usps. Received: data=fashion"):
        page.write(tmp_path / "page.html", ["lenet1"], data)


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """A function that runs a command line, and returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        command.main(["keras-classics", *words])
        return capsys.readouterr().out

    return run


def test_the_command(cli, mnist):
    """A run folder and a release, on one page; a run of photographs is refused."""
    flags = ["--data=mnist", f"--data_dir={mnist}", "--epochs=1", "--curvature_patterns=5"]
    cli("train", "lenet1", *flags, "--run_dir=mine")
    printed = cli("page", "mine", "lenet5-mnist", *flags[:2], "--out=out")
    assert printed.startswith("mine, lenet5-mnist: ")
    assert "Open it in a browser: out/index.html" in printed
    text = pathlib.Path("out/index.html").read_text("utf-8")
    assert '"name":"mine","about":"lenet1, trained on mnist, 2,578 parameters' in text
    assert '"about":"mnist: 60,000 + 10,000 digits' in text
    with pytest.raises(SystemExit, match="A page shows networks of digits.*Received: alexnet"):
        cli("page", "alexnet")
    pathlib.Path("mine/model.keras").unlink()
    with pytest.raises(SystemExit, match=r"mine/model.keras does not exist"):
        cli("page", "mine")
    assert "  --serve" in cli("page", "--help")


def test_a_run_that_reads_photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(training.run.files, "read_manifest", lambda folder: {"data": {}})
    recipe = training.recipe("resnet18")
    monkeypatch.setattr(training.run, "_recipe", lambda manifest, folder: recipe)
    with pytest.raises(ValueError, match="the run of resnet18, which reads photographs"):
        page.shown(tmp_path)


def test_the_page_of_a_run_is_that_of_its_network(cli, mnist, evaluate):
    """With the recipe's own preprocessing."""
    from tests.page.test_page import READ, agree, as_images, levels

    flags = ["--data=mnist", f"--data_dir={mnist}", "--epochs=1", "--curvature_patterns=5"]
    changes = ["--head=softmax", "--loss=crossentropy", "--box=18", "--ink=0.9"]
    cli("train", "lenet5", *flags, *changes, "--run_dir=mine")
    cli("page", "mine", "--out=out")
    run = training.Run("mine")
    layer = preprocessing.DigitInput(18, 32, -0.1, 0.9, "mnist")
    images = levels(5)
    expected = Classifier(run.network, layer, TEN, name="mine")
    agree(expected, images, evaluate("out/index.html", READ, [0, as_images(images)]))


def test_the_server(tmp_path):
    """The page, and nothing else; on this machine alone."""
    (tmp_path / "page.html").write_text("<p>A page \u2013</p>", "utf-8")
    (tmp_path / "secret").write_text("x")
    with page.server(tmp_path / "page.html", port=0) as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{address}/?x") as answer:
            assert answer.read().decode() == "<p>A page \u2013</p>"
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}/secret")
        with pytest.raises(OSError, match=f"listen at the port {server.server_port}.*choose anoth"):
            page.server(tmp_path / "page.html", port=server.server_port)
        server.shutdown()


@pytest.mark.slow
def test_serve_until_ctrl_c(tmp_path):
    # What runs in the background of a shell ignores Ctrl-C, and so would its processes.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from keras_classics.__main__ import run; run()"
    words = ["page", "lenet1", "--serve", "--port=0"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline().startswith("lenet1-usps: ")
            address = process.stdout.readline().split()[1]
            with urllib.request.urlopen(address) as answer:
                assert b"Draw a digit" in answer.read()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_border_that_is_not_even():
    border = layers.ConstantPadding2D(((1, 2), (3, 0)), 0.5)
    described = read(network(border))[0]
    assert described["pads"] == [[1, 2], [3, 0]]
    assert described["value"] == 0.5
