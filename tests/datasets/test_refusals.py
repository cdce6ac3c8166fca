"""Data that cannot be trained on: refused before the first step, with the place."""

import gzip
import io
import os
import socket
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets
from keras_classics.datasets import decoding

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="streams are tf.data's"
)
NAN, INF = float("nan"), float("inf")
COLOUR, GREY = np.zeros((2, 4, 4, 3), "uint8"), np.zeros((2, 4, 4, 1), "uint8")
GOOD = (COLOUR, [0, 1])


def with_one(value, shape=(3, 4, 4, 1), at=(2, 1, 3, 0)):
    images = np.zeros(shape, "float32")
    images[at] = value
    return images


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: datasets.Digits(with_one(NAN), [0, 1, 2], 4), "ink from 0 to 1.*image 2 with ink"),
        (lambda: datasets.Digits(with_one(INF), [0, 1, 2], 4), "ink from 0 to 1.*image 2 with ink"),
        (lambda: datasets.Digits(with_one(0), [0, 1, 2], 0.5), "`box` must be None or a whole num"),
        (lambda: datasets.Digits(with_one(0), [0, 1.5, 2], 4), "integers from 0.*float64"),
        (lambda: datasets.InMemory(with_one(NAN), [0] * 3), "finite.*nan in image 2, row 1, colum"),
        (lambda: datasets.InMemory(with_one(-INF), [0] * 3), "finite.*-inf in image 2, row 1, co"),
        (lambda: datasets.InMemory(np.zeros((2, 0, 4, 1)), [0, 1]), r"with pixels.*\(2, 0, 4, 1\)"),
        (lambda: datasets.InMemory(np.zeros((2, 4, 4)), [0, 1]), r"with pixels.*\(2, 4, 4\)"),
        (lambda: datasets.InMemory(np.zeros((1, 1, 1, 1), object), [0]), "numbers.*object"),
        (lambda: datasets.Arrays([COLOUR[0], COLOUR[0, 1:]], [0, 1]), "all of one size.*: list"),
        (lambda: datasets.Arrays(COLOUR, np.array([0, 2**32 + 1])), "4294967297 for image 1"),
        (lambda: datasets.Files(["a.png", "b.png"], [0, 1.5]), "2 images need.*integers.*float64"),
        (lambda: datasets.Files(["a.png", "b.png"], [0]), r"2 images need as many labels.*\(1,\)"),
        (lambda: datasets.wrap("mnist", GOOD), "`train` must be a pair of arrays.*is a str$"),
        (lambda: datasets.wrap(GOOD, (*GOOD, 1)), "`validation` must be a pair.*a tuple of 3$"),
        (lambda: datasets.wrap(GOOD, None), "`validation` must be a pair.*is a NoneType$"),
        (lambda: datasets.wrap(GOOD, GOOD, test=COLOUR), "`test` must be a pair.*is a ndarray$"),
        (lambda: datasets.wrap(GOOD, (COLOUR, [0])), "validation: 2 images need as many labels"),
        (lambda: datasets.wrap(GOOD, (GREY, [0, 1])), "same channels.*: 3 of train, 1 of valida"),
        (lambda: datasets.wrap(GOOD, GOOD, ["a", "a"]), "names of their own.*: a more than once"),
        (lambda: datasets.wrap((COLOUR, [0, 10**6]), GOOD), "need names.*label 1,000,000 of train"),
        (lambda: datasets.wrap((COLOUR[:0], []), GOOD), "The split train has no image"),
    ],
)
def test_arrays(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@tensorflow_only
def test_streams():
    import tensorflow as tf

    def stream(images=COLOUR, labels=(0, 1)):
        return tf.data.Dataset.from_tensor_slices((images, np.array(labels)))

    for data, message in [
        (stream(labels=(0.0, 1.0)), "train: .*its label, an integer"),
        (stream(COLOUR[..., :2]), r"train: .*3 channels or 1.*\(4, 4, 2\)"),
        (stream(COLOUR[:, :0]), r"train: Images must have pixels.*\(0, 4, 3\)"),
        (stream().repeat(), "train: A tf.data.Dataset must end"),
        (stream(GREY), "same channels.*: 1 of train, 3 of validation"),
    ]:
        with pytest.raises(ValueError, match=message):
            datasets.wrap(data, stream(), classes="ab")
    assert datasets.wrap(stream(GREY), stream(GREY), classes="ab").channels == 1


@tensorflow_only
@pytest.mark.parametrize("wrong", [2, -1])
def test_labels_of_a_stream_are_refused_before_a_training_or_as_they_are_read(wrong):
    """The first 4,096 before it: of millions of photographs it would take an hour."""
    import tensorflow as tf

    def read_all(split):
        return list(split.records((0, 0)).map(lambda *record: split.decode(record)))

    labels = np.zeros(5000, "int64")
    images = np.zeros((5000, 1, 1, 3), "uint8")
    good = tf.data.Dataset.from_tensor_slices((images, labels))
    assert datasets.wrap(good, good, classes="ab").survey()[1] == {}
    for number in (4321, 4095):
        labels[number] = wrong
        bad = tf.data.Dataset.from_tensor_slices((images, labels))
        data = datasets.wrap(good, bad, classes="ab")
        split, message = data.validation, "Received: an image of validation with the label"
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{message}\] \[{wrong}\]"):
            read_all(split)
        if number > 4095:
            data.survey()
        else:
            message = f"^2 classes have labels from 0 to 1.*{message} {wrong} .*: number 4095"
            with pytest.raises(ValueError, match=message):
                data.survey()


@tensorflow_only
def test_images_of_a_stream_without_pixels():
    import tensorflow as tf

    data = tf.data.Dataset.range(3).map(
        lambda k: (tf.zeros((2, tf.cast(2 - k, tf.int32), 3), tf.uint8), k % 2)
    )
    data = data.apply(tf.data.experimental.assert_cardinality(3))
    message = r"of 3 channels. Received: an image of train with the label 0 .*\(2, 0, 3\): number 2"
    with pytest.raises(ValueError, match=message):
        datasets.wrap(data, data, classes="ab").survey()


@pytest.mark.parametrize("size", [3, 6, 15])
def test_an_idx_file_cut_in_its_header(size, mnist):
    path = mnist / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:size]))
    with pytest.raises(ValueError, match=f"train-images.*received ({size} bytes unpa|000008)"):
        datasets.load("mnist", mnist)


def test_ink_of_usps_that_is_no_number(tmp_path):
    line = " ".join(["3", *["0"] * 255, "nan"])
    (tmp_path / "zip.train.gz").write_bytes(gzip.compress(line.encode()))
    with pytest.raises(ValueError, match=r"zip\.train\.gz, line 1: expected a label"):
        datasets.load("usps", tmp_path)


def write(folder, *paths):
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2), (number, 0, 0)).save(folder / path)


def read(data, root):
    return sorted(os.path.relpath(path, root) for split in data.splits for path in split.paths)


@pytest.mark.parametrize("target", ["..", "../a", "../b", "../..", "deep"])
def test_folders_are_read_once(target, tmp_path):
    """A link to a folder that holds it, to a class, or to what is within the class already."""
    root = tmp_path / "photos"
    images = ["a/1.png", "a/2.png", "a/deep/3.png", "b/1.png", "b/2.png"]
    write(root, *images)
    (root / "a" / "link").symlink_to(target, target_is_directory=True)
    with pytest.warns(UserWarning, match="ignored: .*a/link .a link to a folder that is read alre"):
        data = datasets.load(str(root))
    assert read(data, root) == images


def test_a_link_to_a_folder_elsewhere_is_followed_once(tmp_path):
    root = tmp_path / "photos"
    write(root, "a/1.png", "b/1.png", "b/2.png", "../more/2.png")
    for name in ("a/link", "a/other", "b/link"):
        (root / name).symlink_to(tmp_path / "more", target_is_directory=True)
    with pytest.warns(UserWarning, match="ignored: .*a/other .*b/link .*read already"):
        data = datasets.load(str(root))
    assert read(data, root) == ["a/1.png", "a/link/2.png", "b/1.png", "b/2.png"]


def test_two_classes_in_one_folder(tmp_path):
    write(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    (tmp_path / "c").symlink_to("a", target_is_directory=True)
    with pytest.raises(ValueError, match="needs a folder of its own. Received: a, c, links to on"):
        datasets.load(str(tmp_path))


def test_a_class_that_holds_its_folder(tmp_path):
    root = tmp_path / "photos"
    write(root, "a/1.png", "a/2.png", "../other/1.png")
    (root / "b").symlink_to("..", target_is_directory=True)
    with pytest.raises(ValueError, match="b has no images.*/b .a link to a folder that is read al"):
        datasets.load(str(root))


def test_only_regular_files_are_read(tmp_path, monkeypatch):
    write(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "broken.png").symlink_to("nowhere.png")
    (tmp_path / "a" / "round.png").symlink_to("round.png")
    (tmp_path / "b" / "3.png").symlink_to("../a/1.png")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("a/socket.png")
        with pytest.warns(UserWarning, match="ignored: ") as caught:
            data = datasets.load(str(tmp_path))
        (message,) = [str(each.message) for each in caught]
        for name in ("broken", "round", "socket"):
            assert f"a/{name}.png (no regular file)" in message
        assert read(data, tmp_path) == ["a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/3.png"]
        message = "There is no file a/socket.png that is a regular one"
        with pytest.raises(FileNotFoundError, match=message):
            datasets.read_image("a/socket.png")


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")


def encoded(format, width=11, height=10):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_a_declared_size_is_refused_before_an_image_is_decoded(format, tmp_path, monkeypatch):
    def decode(*arguments):
        raise AssertionError("decoded")

    path = tmp_path / f"x.{format.lower()}"
    path.write_bytes(encoded(format))
    monkeypatch.setattr(decoding, "LARGEST", 109)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "decode", decode)
        patch.setattr(decoding, "decode_with_pillow", decode)
        with pytest.raises(
            ValueError, match=r"x\.\w+ cannot .*declares 11x10 pixels, more than 109"
        ):
            datasets.read_image(path)
    monkeypatch.setattr(decoding, "LARGEST", 110)
    assert datasets.read_image(path).shape == (10, 11, 3)


def test_a_survey_names_an_image_that_is_too_large(tmp_path, monkeypatch):
    write(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    (tmp_path / "a" / "3.png").write_bytes(encoded("PNG"))
    monkeypatch.setattr(decoding, "LARGEST", 109)
    with pytest.warns(UserWarning, match=r"a/3.png \(its header declares 11x10 pixels, more tha"):
        data, damaged = datasets.load(str(tmp_path)).survey()
    assert len(damaged) == 1
    assert len(data.train) + len(data.validation) == 4


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_images_are_named(format, tmp_path):
    path = tmp_path / f"cut.{format.lower()}"
    content = encoded(format, 40, 50)
    for length in (len(content) // 3, len(content) * 2 // 3, len(content) - 20):
        path.write_bytes(content[:length])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of TIFF
            with pytest.raises(ValueError, match=r"cut\.\w+ cannot be decoded: .*\. Save it as"):
                datasets.read_image(path)
