"""The readers on small files of the official formats, whole and broken."""

import gzip
import os

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
    assert data.train_images.shape == (12, 28, 28, 1)
    assert data.train_images.dtype == np.float32
    assert 0 == data.train_images.min() < data.train_images.max() == 1
    np.testing.assert_array_equal(data.test_labels, np.arange(7))
    raw = np.random.default_rng(0).integers(0, 256, (12, 28, 28))
    np.testing.assert_allclose(data.train_images[..., 0] * 255, raw, rtol=1e-6)


def test_usps(usps):
    data = datasets.load("usps", usps)
    assert data.train_images.shape == (5, 16, 16, 1)
    first = np.random.default_rng(0).uniform(-1, 1, 256).round(3)
    np.testing.assert_allclose(data.train_images[0].ravel() * 2 - 1, first, atol=1e-6)
    np.testing.assert_array_equal(data.test_labels, [0, 1, 2])


def test_digits():
    pytest.importorskip("sklearn", reason="needs scikit-learn: the extra 'digits'")
    data = datasets.load("digits")
    assert data.train_images.shape == (1437, 28, 28, 1)
    assert data.test_images.shape == (360, 28, 28, 1)
    assert 0 == data.train_images.min() < data.train_images.max() <= 1
    # In a box of 20x20, centred by mass: the digit touches two sides of its box.
    rows, columns = np.nonzero(data.train_images[0, :, :, 0].max(1))[0], None
    assert np.ptp(rows) + 1 in (19, 20)
    del columns
    mass = data.train_images[..., 0].sum(0)
    centre = (mass.sum(1) * np.arange(28)).sum() / mass.sum()
    assert abs(centre - 13.5) < 0.5


@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("mnist", (28, 28, 1), (60_000, 10_000)),
        ("usps", (16, 16, 1), (7_291, 2_007)),
    ],
)
def test_the_real_files(name, shape, counts, data_dir):
    data = datasets.load(name, data_dir(name))
    assert data.train_images.shape == (counts[0], *shape)
    assert data.test_images.shape == (counts[1], *shape)
    if name == "usps":
        expected = [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
        assert np.bincount(data.train_labels).tolist() == expected
    else:
        assert np.bincount(data.train_labels)[1] == 6742
        assert abs(data.train_images.mean() - 0.1307) < 1e-4


def test_unknown_name():
    with pytest.raises(ValueError, match="no data set 'svhn'; there are digits, mnist, usps"):
        datasets.load("svhn")


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
    assert len(datasets.load("usps").train_images) == 5
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
        (1.5, 3, "ink from 0 to 1. Received: image 2 of test, mine, with ink from 0 to 1.5"),
        (-0.1, 3, "ink from 0 to 1. Received: image 2 of test, mine, with ink from -0.1"),
        (1.0, 10, "labels from 0 to 9. Received: image 2 of test, mine, .* the label 10"),
    ],
)
def test_digits_out_of_range(image, label, message):
    images, labels = np.zeros((4, 8, 8, 1)), np.arange(4)
    spoiled = (images.copy(), labels.copy())
    spoiled[0][2, 0, 0, 0], spoiled[1][2] = image, label
    with pytest.raises(ValueError, match=message):
        datasets.Data("mine", 8, images, labels, *spoiled)
    with pytest.raises(ValueError, match=r"\(n, height, width, 1\) with labels \(n,\). Received"):
        datasets.Data("mine", 8, images[..., 0], labels, images, labels)
