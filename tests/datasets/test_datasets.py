"""Digits: the readers on small files of the official formats, whole and broken; and names."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_classics import datasets


@pytest.fixture
def usps(tmp_path):
    rng = np.random.default_rng(0)
    for split, n in [("train", 5), ("test", 3)]:
        lines = [
            " ".join([f"{i:.4f}", *(f"{v:.3f}" for v in rng.uniform(-1, 1, 256)), "\n"])
            for i in range(n)
        ]
        (tmp_path / f"zip.{split}.gz").write_bytes(gzip.compress("".join(lines).encode()))
    return tmp_path


def test_mnist(mnist):
    data = datasets.load("mnist", mnist)
    assert data.train.images.shape == (12, 28, 28, 1)
    assert data.train.images.dtype == np.float32
    assert 0 == data.train.images.min() < data.train.images.max() == 1
    np.testing.assert_array_equal(data.validation.labels, np.arange(7))
    raw = np.random.default_rng(0).integers(0, 256, (12, 28, 28))
    np.testing.assert_allclose(data.train.images[..., 0] * 255, raw, rtol=1e-6)
    assert (data.name, data.held, data.train.box) == ("mnist", "test", 20)
    assert data.classes == tuple("0123456789")


def test_usps(usps):
    data = datasets.load("usps", usps)
    assert data.train.images.shape == (5, 16, 16, 1)
    first = np.random.default_rng(0).uniform(-1, 1, 256).round(3)
    np.testing.assert_allclose(data.train.images[0].ravel() * 2 - 1, first, atol=1e-6)
    np.testing.assert_array_equal(data.validation.labels, [0, 1, 2])
    assert (data.held, data.train.box, data.validation.box) == ("test", 16, 16)


def test_digits():
    pytest.importorskip("sklearn", reason="needs scikit-learn: the extra 'digits'")
    data = datasets.load("digits")
    assert data.train.images.shape == (1437, 28, 28, 1)
    assert data.validation.images.shape == (360, 28, 28, 1)
    assert 0 == data.train.images.min() < data.train.images.max() <= 1
    assert (data.held, data.train.box, data.train.labels.dtype) == ("test", 20, np.int32)
    # In a box of 20x20, of which the digit touches two sides, and centred as MNIST's are.
    rows, columns = np.nonzero(data.train.images[0, :, :, 0].max(1))[0], None
    assert np.ptp(rows) + 1 in (19, 20)
    del columns
    mass = data.train.images[..., 0].sum(0)
    centre = (mass.sum(1) * np.arange(28)).sum() / mass.sum()
    assert abs(centre - 14) < 0.5


@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("mnist", (28, 28, 1), (60_000, 10_000)),
        ("usps", (16, 16, 1), (7_291, 2_007)),
    ],
)
def test_the_real_files(name, shape, counts, data_dir):
    data = datasets.load(name, data_dir(name))
    assert data.train.images.shape == (counts[0], *shape)
    assert data.validation.images.shape == (counts[1], *shape)
    if name == "usps":
        expected = [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
        assert np.bincount(data.train.labels).tolist() == expected
    else:
        assert np.bincount(data.train.labels)[1] == 6742
        assert abs(data.train.images.mean() - 0.1307) < 1e-4


def test_names(mnist, tmp_path):
    with pytest.raises(
        ValueError, match="no data set or folder 'svhn'; there are digits, mnist, usps"
    ):
        datasets.load("svhn")
    with pytest.raises(
        ValueError, match="no data set or folder 'cifr10'. Did you mean cifar10 or cifar100"
    ):
        datasets.load("cifr10")
    assert datasets.load("MNIST", mnist).name == "mnist"


def test_sizes_are_known_before_anything_is_read(tmp_path):
    for name in ("digits", "mnist", "keras:fashion_mnist", "keras:mnist", "MNIST"):
        assert datasets.size(name) == (1, 28)
    assert datasets.size("USPS") == (1, 16)
    assert {datasets.size(n) for n in ("cifar10", "cifar100", "keras:cifar10")} == {(3, 32)}
    for name in (tmp_path, "photos/mine", "tfds:imagenette"):
        assert datasets.size(name) == (3, None)
    with pytest.raises(ValueError, match="no data set or folder 'svhn'"):
        datasets.size("svhn")
    with pytest.raises(ValueError, match="there are keras:mnist, .*Received: keras:imdb"):
        datasets.size("keras:imdb")


def test_names_of_data_need_no_keras():
    """In the process of the command line."""
    code = (
        "import sys; sys.argv[0] = 'keras-classics'\n"
        "from keras_classics import cache, datasets, experiments\n"
        "cache.home(); datasets.OTHERS; datasets.load; experiments.find\n"
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": "."})


def test_missing_file_is_named_with_its_source(mnist):
    os.remove(mnist / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte\.gz.*be had from https"):
        datasets.load("mnist", mnist)


def test_failed_download_names_address_and_path(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(datasets.usps, "URL", (tmp_path / "nothing").as_uri() + "/")
    path = tmp_path / "datasets" / "usps" / "zip.train.gz"
    with pytest.raises(FileNotFoundError, match=f"{path}.*downloaded from file:.*--data_dir"):
        datasets.load("usps")


def test_download_is_kept(usps, tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(datasets.usps, "URL", usps.as_uri() + "/")
    assert len(datasets.load("usps").train.images) == 5
    assert (home / "datasets" / "usps" / "zip.test.gz").is_file()


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_truncated_gzip(mnist, keep):
    path = mnist / "train-images-idx3-ubyte.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match="train-images.*truncated.*Get it again from https"):
        datasets.load("mnist", mnist)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw[:-5], "announces 9,424 bytes unpacked, received 9,419"),
        (lambda raw: b"PK" + raw[2:], "expected it to begin with 00000803, received 504b0803"),
    ],
)
def test_broken_idx(mnist, change, message):
    path = mnist / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    with pytest.raises(ValueError, match=message):
        datasets.load("mnist", mnist)


def test_images_and_labels_of_different_files(mnist):
    path = mnist / "train-labels-idx1-ubyte.gz"
    path.write_bytes((mnist / "t10k-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(ValueError, match="12 images, 7 labels"):
        datasets.load("mnist", mnist)


@pytest.mark.parametrize("line", ["3.0 0.5 0.5", "12 " + "0 " * 256, "1 " + "7 " * 256, "a b"])
def test_broken_usps_line(usps, line):
    path = usps / "zip.test.gz"
    good = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(good + line.encode()))
    with pytest.raises(ValueError, match=r"zip\.test\.gz, line 4: expected a label from 0 to 9"):
        datasets.load("usps", usps)


@pytest.mark.parametrize(
    ("image", "label", "message"),
    [
        (1.5, 3, "ink from 0 to 1. Received: image 2 with ink from 0 to 1.5"),
        (-0.1, 3, "ink from 0 to 1. Received: image 2 with ink from -0.1"),
        (np.nan, 3, "ink from 0 to 1. Received: image 2 with ink from nan"),
        (1.0, 10, "labels from 0 to 9. Received: image 2 .* the label 10"),
        (1.0, -1, "labels from 0 to 9. Received: image 2 .* the label -1"),
    ],
)
def test_digits_out_of_range(image, label, message):
    images, labels = np.zeros((4, 8, 8, 1)), np.arange(4)
    images[2, 0, 0, 0], labels[2] = image, label
    with pytest.raises(ValueError, match=message):
        datasets.Digits(images, labels, 8)


def test_digits_of_other_shapes():
    images, labels = np.zeros((4, 8, 8, 1)), np.arange(4)
    for wrong in [(images[..., 0], labels), (images, labels[:3]), (images.repeat(3, -1), labels)]:
        with pytest.raises(
            ValueError, match=r"\(n, height, width, 1\) with labels \(n,\). Received"
        ):
            datasets.Digits(*wrong, 8)
    with pytest.raises(ValueError, match="integers from 0. Received: float64"):
        datasets.Digits(images, labels + 0.5, 8)


def test_last_images_are_held_out():
    ink = np.linspace(0, 1, 5, dtype="float32")[:, None, None, None]
    split = datasets.Digits(ink, np.arange(5), box=1)
    kept, held = split.hold_out(2)
    for part, rows in [(kept, [0, 1, 2]), (held, [3, 4])]:
        assert (type(part), part.box, len(part)) == (datasets.Digits, 1, len(rows))
        np.testing.assert_array_equal(part.images, ink[rows])
        np.testing.assert_array_equal(part.labels, rows)
    everything, nothing = split.hold_out(0)
    assert (len(everything), len(nothing), len(split)) == (5, 0, 5)
    with pytest.raises(ValueError, match="From 0 to 4 of 5 images can be held out. Received: 5"):
        split.hold_out(5)
