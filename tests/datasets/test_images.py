"""Folders of images, whole and broken, and TensorFlow Datasets."""

import io
import os
import pathlib
import shutil
import socket
import struct
import sys
import tarfile
import threading

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

from keras_classics import backend, cache, datasets
from keras_classics.datasets import cifar10, decoding, splits

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="streams are tf.data's"
)


def photo(seed=0, height=21, width=34):
    """A smooth picture, so that JPEG stays near it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), "uint8")
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(picture, format, **options):
    file = io.BytesIO()
    fine = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    picture.save(file, format, **fine, **options)
    return file.getvalue()


def write(folder, files):
    """Writes `{path: content}`; what is not bytes is a seed of a photo in JPEG."""
    for path, content in files.items():
        if not isinstance(content, bytes):
            content = encoded(Image.fromarray(photo(content)), "JPEG")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def names(split):
    return ["/".join(path.split("/")[-2:]) for path in split.paths]


def grey(rgb):
    return np.asarray(Image.fromarray(rgb).convert("L"))


def thrice(plane):
    return np.stack([plane] * 3, axis=-1)


RGB = photo()
ALPHA = np.linspace(0, 255, RGB[..., 0].size).astype("uint8").reshape(RGB.shape[:2])
RGBA = Image.fromarray(np.dstack([RGB, ALPHA]))
GREY_16 = np.linspace(0, 65535, 21 * 34).astype("uint16").reshape(21, 34)
INDICES = np.arange(21 * 34, dtype="uint8").reshape(21, 34) % 7
PALETTE = np.random.default_rng(1).integers(0, 256, (7, 3), "uint8")
INDEXED = Image.fromarray(INDICES)
INDEXED.putpalette(PALETTE.tobytes())
TRANSPARENT = bytes([0, 100, 200, 255, 255, 255, 255])
FRAMES = [Image.fromarray(photo(seed)).quantize(32) for seed in (5, 6, 7)]
JPEG = encoded(Image.fromarray(RGB), "JPEG")
PNG = encoded(Image.fromarray(RGB), "PNG")

# Content of a file, its pixels, and how far the decoded pixels may be from them.
FILES = {
    "jpeg": (JPEG, RGB, 10),
    "progressive": (encoded(Image.fromarray(RGB), "JPEG", progressive=True), RGB, 10),
    "grey_jpeg": (encoded(Image.fromarray(grey(RGB)), "JPEG"), thrice(grey(RGB)), 4),
    "cmyk_jpeg": (encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG"), RGB, 10),
    "png": (PNG, RGB, 0),
    "rgba_png": (encoded(RGBA, "PNG"), RGB, 0),
    "grey_png": (encoded(Image.fromarray(grey(RGB)), "PNG"), thrice(grey(RGB)), 0),
    "grey_alpha_png": (encoded(RGBA.convert("LA"), "PNG"), thrice(grey(RGB)), 0),
    "sixteen_bit_png": (encoded(Image.fromarray(GREY_16), "PNG"), thrice(GREY_16 >> 8), 0),
    "palette_png": (encoded(INDEXED, "PNG", transparency=TRANSPARENT), PALETTE[INDICES], 0),
    "gif": (encoded(INDEXED, "GIF", transparency=3), PALETTE[INDICES], 0),
    "animated_gif": (
        encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
        np.asarray(FRAMES[0].convert("RGB")),
        0,
    ),
    "bmp": (encoded(Image.fromarray(RGB), "BMP"), RGB, 0),
    "palette_bmp": (encoded(INDEXED, "BMP"), PALETTE[INDICES], 0),
    "webp": (encoded(Image.fromarray(RGB), "WEBP", lossless=True), RGB, 0),
    "rgba_webp": (encoded(RGBA, "WEBP", lossless=True, exact=True), RGB, 0),
    "tiff": (encoded(Image.fromarray(RGB), "TIFF"), RGB, 0),
    "deflated_tiff": (encoded(INDEXED, "TIFF", compression="tiff_deflate"), PALETTE[INDICES], 0),
    "sixteen_bit_tiff": (encoded(Image.fromarray(GREY_16), "TIFF"), thrice(GREY_16 >> 8), 0),
}
BROKEN = {
    "half.jpg": JPEG[: len(JPEG) // 2],
    "no_end.jpg": JPEG[:-20],
    "half.png": PNG[: len(PNG) // 2],
    "empty.png": b"",
    "text.jpg": b"This is no image.\n" * 50,
    "float.tif": encoded(Image.fromarray(GREY_16.astype("float32")), "TIFF"),
    "web_page.gif": b"<html>404</html>",
    "half.bmp": FILES["bmp"][0][:300],
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.filterwarnings("error")
def test_read_image(kind, tmp_path):
    content, pixels, tolerance = FILES[kind]
    write(tmp_path, {"image": content})
    image = decoding.read_image(tmp_path / "image")
    assert image.dtype == np.uint8
    assert image.shape == pixels.shape
    assert np.abs(image.astype(int) - pixels).max() <= tolerance


@tensorflow_only
@pytest.mark.parametrize("kind", FILES)
@pytest.mark.filterwarnings("error")
def test_tensorflow_and_pillow_decode_the_same(kind):
    content = FILES[kind][0]
    expected = decoding.decode_with_pillow(io.BytesIO(content))
    np.testing.assert_array_equal(decoding.decode(content), expected)


def read(split, *seeds, worker=0, workers=1):
    """A dataset of a split's examples, its records made within `flat_map`, as training does.

    Of several pairs of seeds, one epoch after the other.
    """
    import tensorflow as tf

    def records(pair):
        return split.records(pair if seeds else None, worker, workers)

    given = tf.data.Dataset.from_tensor_slices(list(seeds) or [0]).flat_map(records)
    return tf.data.Dataset.zip((given,)).map(split.decode)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.filterwarnings("error")
def test_upright_as_exif_says(format, tmp_path):
    """As Pillow turns an image; by default all stay as they are stored."""
    for orientation in [*range(1, 9), 0, 9]:
        exif = Image.Exif()
        exif[decoding.ORIENTATION] = orientation
        content = encoded(Image.fromarray(RGB), format, exif=exif)
        write(tmp_path, {"image": content})
        with Image.open(tmp_path / "image") as image:
            stored, turned = (np.asarray(i) for i in (image, ImageOps.exif_transpose(image)))
        found = decoding.read_image(tmp_path / "image", upright=True)
        np.testing.assert_array_equal(found, turned)
        assert (found.shape == (34, 21, 3)) == (orientation in range(5, 9))
        np.testing.assert_array_equal(decoding.read_image(tmp_path / "image"), stored)


@tensorflow_only
def test_upright_in_a_graph(tmp_path):
    """Beside files without EXIF and such with a damaged one."""
    import tensorflow as tf

    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 6
    turned = encoded(Image.fromarray(RGB), "JPEG", exif=exif)
    at = turned.index(b"Exif") + 6
    damaged = turned[:at] + b"\xff" * 8 + turned[at + 8 :]
    contents = [turned, JPEG, PNG, FILES["gif"][0], damaged]
    data = tf.data.Dataset.from_tensor_slices(contents).map(lambda c: decoding.decode(c, True))
    shapes = [image.shape for image in data]
    assert shapes == [(34, 21, 3), *[(21, 34, 3)] * 4]


def test_upright_data(tmp_path):
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 8
    turned = encoded(Image.fromarray(RGB), "JPEG", exif=exif)
    write(tmp_path, {f"{c}/{k}.jpg": turned for c in "ab" for k in range(2)} | {"a/bad.jpg": b""})
    for upright, shape in [(False, (21, 34, 3)), (True, (34, 21, 3))]:
        data = datasets.load(str(tmp_path), upright=upright)
        with pytest.warns(UserWarning, match="1 file of"):
            data, _ = data.survey()
        assert data.train[0][0].shape == data.validation[0][0].shape == shape
        assert datasets.test_folder(tmp_path, upright=upright)[1][1][0].shape == shape


@tensorflow_only
def test_records_give_what_the_split_gives(tmp_path):
    write(tmp_path, {f"{'ab'[i % 2]}/{k}.png": f[0] for i, (k, f) in enumerate(FILES.items())})
    split = datasets.load(str(tmp_path)).train
    stream = read(split)
    assert len(split) == len(FILES) - 2
    for (image, label), index in zip(stream, range(len(split)), strict=True):
        np.testing.assert_array_equal(image, split[index][0])
        assert label == split[index][1] == split.labels[index]
    assert stream.element_spec[0].shape.as_list() == [None, None, 3]
    assert stream.element_spec[1].dtype == "int32"


def test_a_folder_of_splits(tmp_path):
    files = ["train/b/2.jpg", "train/b/10.JPEG", "train/B/1.jpg", "train/é/deep/er/1.jpg"]
    write(tmp_path, {f: i for i, f in enumerate([*files, "test/é/x.jpg", "test/b/y.jpg"])})
    data = datasets.load(str(tmp_path))
    assert (data.name, data.held) == (str(tmp_path), "validation")
    assert data.classes == ("B", "b", "é")
    assert names(data.train) == ["B/1.jpg", "b/10.JPEG", "b/2.jpg", "er/1.jpg"]
    assert data.train.labels.tolist() == [0, 1, 1, 2]
    assert names(data.validation) == ["b/y.jpg", "é/x.jpg"]
    assert data.validation.labels.tolist() == [1, 2]
    assert data.train.labels.dtype == data.validation.labels.dtype == np.int32
    image, label = data.validation[1]
    assert (image.shape, label) == ((21, 34, 3), 2)
    (tmp_path / "test").rename(tmp_path / "val")
    assert len(datasets.load(str(tmp_path)).validation) == 2


def test_a_tenth_is_held_out_by_the_hash_of_the_names(tmp_path):
    write(tmp_path, {f"cat/{i}.jpg": i for i in range(29)} | {"dog/1.jpg": 1, "dog/2.jpg": 2})
    data = datasets.load(str(tmp_path))
    assert (len(data.train), len(data.validation)) == (27 + 1, 2 + 1)
    # The largest of: for i in $(seq 0 28); do printf $i.jpg | sha256sum; done
    assert names(data.validation) == ["cat/13.jpg", "cat/15.jpg", "dog/2.jpg"]
    assert not set(data.train.paths) & set(data.validation.paths)
    assert names(data.train)[:3] == ["cat/0.jpg", "cat/1.jpg", "cat/10.jpg"]


def test_corrupt_files_are_left_out_and_named(tmp_path):
    """Those that are no images, before a training; the others where all are decoded."""
    good = {f"{c}/{i}.jpg": i for c in "ab" for i in range(10)}
    write(tmp_path, good | {f"a/{name}": content for name, content in BROKEN.items()})
    opened = datasets.load(str(tmp_path))
    no_images = ["empty.png", "text.jpg", "web_page.gif"]
    with pytest.warns(UserWarning, match="3 files of .* cannot be decoded") as caught:
        data, damaged = opened.survey()
    assert caught[0].filename == __file__
    (message,) = [str(warning.message) for warning in caught]
    assert all(f" a/{name} (" in message for name in no_images)
    assert "text.jpg (not a JPEG, PNG, GIF, BMP, WebP or TIFF image)" in message
    assert "\n" not in message
    assert list(damaged) == [str(tmp_path / "a" / name) for name in no_images]

    reasons, found = opened.check()
    assert set(reasons) == {str(tmp_path / "a" / name) for name in BROKEN}
    assert reasons[str(tmp_path / "a" / "float.tif")] == "its pixels have more than 16 bits"
    assert found == {"formats": {"JPEG": 20}, "sizes": [(34, 21), (34, 21)]}
    split = data.train
    assert [name[0] for name in names(split)] == ["ab"[label] for label in split.labels]
    for k in range(len(split)):
        image, label = split.sound(k)
        assert image.shape == (21, 34, 3)
        if names(split)[k].split("/")[1] not in BROKEN:
            assert label == split.labels[k]
    assert {split.paths[k]: why for k, why in split.damaged.items()} == {
        path: why for path, why in reasons.items() if path in split.paths and path not in damaged
    }
    # A training that goes on knows them, and reads nothing anew.
    again = opened.without(list(damaged))
    assert (again.train.paths, again.validation.paths) == (data.train.paths, data.validation.paths)
    np.testing.assert_array_equal(again.train.labels, data.train.labels)
    assert opened.without([]) is opened


def test_the_next_file_takes_the_place_of_a_damaged_one(tmp_path, monkeypatch):
    """Whenever it is met, behind the last one the first; no file is tried twice."""
    split = numbered(tmp_path, 6)["files"]
    for k in (1, 2, 5):
        open(split.paths[k], "wb").close()
    tried, read = [], splits.read_image

    def read_image(path, upright=False):
        tried.append(int(pathlib.Path(path).stem))
        return read(path, upright)

    monkeypatch.setattr(splits, "read_image", read_image)
    found = [int(split.sound(k)[0][0, 0, 0]) for k in (5, 2, 1, 0, 3, 4)]
    assert found == [0, 3, 3, 0, 3, 4]
    assert tried == [5, 0, 2, 3, 1, 3, 0, 3, 4]
    assert split.damaged == dict.fromkeys(
        (5, 2, 1), "not a JPEG, PNG, GIF, BMP, WebP or TIFF image"
    )
    part = split.take([5, 4, 1])
    assert sorted(part.damaged) == [0, 2]
    assert [int(part.sound(k)[0][0, 0, 0]) for k in range(3)] == [4, 4, 4]
    with pytest.raises(ValueError, match="None of 2 files can be decoded"):
        split.take([1, 2]).sound(0)
    refusing = datasets.Files(split.paths, split.labels, corrupt="refuse")
    with pytest.raises(ValueError, match="/2.png cannot be decoded"):
        refusing.sound(2)
    os.remove(split.paths[3])
    with pytest.raises(FileNotFoundError, match="There is no file .*/3.png"):
        split.sound(2)


def test_corrupt_files_are_refused(tmp_path):
    write(tmp_path, {f"{c}/{i}.jpg": i for c in "ab" for i in range(2)})
    sound, damaged = datasets.load(str(tmp_path), corrupt="refuse").survey()
    assert (len(sound.train), damaged) == (2, {})
    write(tmp_path, {f"a/bad{i:02}.jpg": b"" for i in range(23)})
    with pytest.raises(
        ValueError, match=r"23 files of .* a/bad00.jpg.*bad19.jpg.* and 3 more$"
    ) as e:
        datasets.load(str(tmp_path), corrupt="refuse").survey()
    assert "bad20" not in str(e.value)


def counted(monkeypatch):
    """Counts how often each file is decoded."""
    calls, lock, read = {}, threading.Lock(), splits.read_image

    def read_image(path, upright=False):
        with lock:
            calls[path] = calls.get(path, 0) + 1
        return read(path, upright)

    monkeypatch.setattr(splits, "read_image", read_image)
    return calls


def test_a_survey_decodes_no_file(tmp_path, monkeypatch):
    files = {f"{c}/{i}.jpg": i for c in "ab" for i in range(2)}
    write(tmp_path / "train", {**files, "b/bad.jpg": b""})
    write(tmp_path / "val", {**files, "a/bad.jpg": b"", "a/cut.jpg": JPEG[:-9]})
    data, calls = datasets.load(str(tmp_path)), counted(monkeypatch)
    with pytest.warns(UserWarning, match=r"1 file of .*: val/a/bad.jpg \(it is empty\)"):
        sound, damaged = data.survey(["validation"])
    assert not calls
    assert list(damaged) == [str(tmp_path / "val" / "a" / "bad.jpg")]
    assert sound.train is data.train
    assert len(sound.validation) == 5
    reasons, _ = data.check(["validation"])
    assert set(calls) == set(sound.validation.paths)
    assert set(calls.values()) == {1}
    assert [path.rpartition("/")[2] for path in reasons] == ["bad.jpg", "cut.jpg"]


def test_decoded_files_come_in_order_and_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    split, lock, begun = numbered(tmp_path, 60)["files"], threading.Lock(), []

    def then(image):
        with lock:
            begun.append(int(image[0, 0, 0]))
        return int(image[0, 0, 0])

    for count, (index, result) in enumerate(split.decoded(then)):
        assert (index, result) == (count, count)
        with lock:
            assert len(begun) <= count + 1 + 2 * 3
    assert sorted(begun) == list(range(60))
    assert list(split.decoded(then, [7, 3])) == [(7, 7), (3, 3)]

    begun.clear()
    early = split.decoded(then)
    assert next(early) == (0, 0)
    early.close()
    with lock:
        assert len(begun) <= 7

    def fails(image):
        raise ValueError("not about the file")

    with pytest.raises(ValueError, match="not about the file"):
        list(split.decoded(fails))
    with open(split.paths[5], "wb"):
        pass
    with pytest.raises(ValueError, match=r"/5\.png cannot be decoded"):
        list(datasets.Files(split.paths, split.labels, corrupt="refuse").decoded())
    assert [index for index, _ in split.decoded()] == [*range(5), *range(6, 60)]
    assert list(split.damaged) == [5]


def test_a_survey_leaves_other_splits_alone():
    images, labels = np.zeros((2, 4, 4, 3), "uint8"), np.array([0, 1])
    data = datasets.wrap((images, labels), (images, labels), held="test")
    assert data.held == "test"
    assert data.survey() == (data, {})
    assert data.check() == ({}, {"formats": {}, "sizes": []})
    assert data.without(["a/1.jpg"]) == data


def test_a_folder_to_test_with(tmp_path):
    write(tmp_path, {"train/a/1.jpg": 0, "val/b/2.jpg": 1, "val/a/1.jpg": b""})
    classes, split = datasets.test_folder(tmp_path)
    assert (classes, names(split), split.labels.tolist()) == (
        ("a", "b"),
        ["a/1.jpg", "b/2.jpg"],
        [0, 1],
    )
    assert [index for index, _ in split.decoded()] == [1]
    assert split.positions([split.paths[1], "elsewhere/b/2.jpg"]) == [1]
    assert names(datasets.test_folder(tmp_path / "train")[1]) == ["a/1.jpg"]


def test_other_files_are_named_once(tmp_path):
    write(tmp_path, {f"{c}/{i}.jpg": i for c in "ab" for i in range(2)})
    write(tmp_path, {"a/notes.txt": b"", "b/film.mp4": b"", "a/.DS_Store": b"", "README": b""})
    with pytest.warns(UserWarning, match="2 files of .* ignored.*notes.txt, .*film.mp4$") as caught:
        data = datasets.load(str(tmp_path))
    assert len(caught) == 1
    assert len(data.train) + len(data.validation) == 4


PAIR = {"a/1.jpg": 0, "a/2.jpg": 1}
SPLIT = {"train/a/1.jpg": 0, "train/b/1.jpg": 1}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"1.jpg": 0}, "must have a sub-folder of images for each class"),
        (PAIR, "for each of two classes or more. Received: a alone"),
        (PAIR | {"b/1.jpg": 1}, "needs two images or more.*Received: .*/b/1.jpg alone"),
        (PAIR | {"b/x.txt": b""}, "class .*/b has no images .*Received: .*x.txt"),
        (SPLIT, "has `train`, but none of val, validation, test.*give .*/train itself"),
        (SPLIT | {"val/c/1.jpg": 0}, "classes of .*/val must be .*Received: c"),
        (SPLIT | {"val/1.jpg": 0}, "/val must have a sub-folder of images for each class"),
    ],
)
def test_folders_that_cannot_be_used(files, message, tmp_path):
    write(tmp_path, files)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        datasets.load(str(tmp_path))


def test_an_empty_class(tmp_path):
    write(tmp_path, PAIR)
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match="class .*/b has no images .*Received: no files"):
        datasets.load(str(tmp_path))


@pytest.mark.filterwarnings("ignore:1 file of")
@pytest.mark.parametrize(
    ("files", "message"),
    [
        (SPLIT | {"val/a/1.jpg": 0, "train/a/1.jpg": b""}, "no image left .* for a"),
        (SPLIT | {"val/a/1.jpg": b""}, "no image left .* for validation"),
    ],
)
def test_nothing_left(files, message, tmp_path):
    write(tmp_path, files)
    data = datasets.load(str(tmp_path))
    with pytest.raises(ValueError, match=message):
        data.survey()


def test_names_of_data(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder .*/nowhere"):
        datasets.load(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="no data set or folder 'svhn'; there are .*tfds:NAME, FO"):
        datasets.load("svhn")
    with pytest.raises(ValueError, match='must be "skip" or "refuse". Received: corrupt=\'no\''):
        datasets.load(str(tmp_path), corrupt="no")


def numbered(tmp_path, n=40):
    """A split whose image `i` is one pixel of grey `i`."""
    grey = [np.full((1, 1, 3), i, "uint8") for i in range(n)]
    write(tmp_path, {f"{i}.png": encoded(Image.fromarray(g), "PNG") for i, g in enumerate(grey)})
    paths = [str(tmp_path / f"{i}.png") for i in range(n)]
    labels = np.arange(n, dtype="int32")
    return {
        "files": datasets.Files(paths, labels),
        "arrays": datasets.Arrays(np.stack(grey), labels),
        "ink": datasets.InMemory(np.stack(grey).astype("float32"), labels),
    }


def numbered_stream(n=40):
    """The same as the user's own `tf.data.Dataset`."""
    import tensorflow as tf

    pixel = np.zeros((n, 1, 1, 3), "uint8") + np.arange(n, dtype="uint8")[:, None, None, None]
    return tf.data.Dataset.from_tensor_slices((pixel, np.arange(n)))


@tensorflow_only
@pytest.mark.parametrize("kind", ["files", "arrays", "ink", "stream", "tfds"])
def test_order(kind, tmp_path):
    if kind == "tfds":
        store(tmp_path, {"train": range(40), "test": range(4)})
        split = datasets.load("tfds:tiny", tmp_path).train
    elif kind == "stream":
        split = datasets.Stream(numbered_stream())
    else:
        split = numbered(tmp_path)[kind]
    assert len(split) == 40

    def orders(*seeds, **share):
        pairs = [(int(x[0, 0, 0]), int(y)) for x, y in read(split, *seeds, **share)]
        assert all(y == (x % 2 if kind == "tfds" else x) for x, y in pairs)
        order = [x for x, _ in pairs]
        length = len(order) // max(1, len(seeds))
        return [order[k : k + length] for k in range(0, len(order), length)]

    (written,) = orders()
    assert sorted(written) == list(range(40))
    assert written == list(range(40)) or kind == "tfds"
    assert orders() == [written]
    first, again, *others = orders((0, 0), (0, 0), (0, 1), (1, 0), (1, 1))
    assert sorted(first) == list(range(40))
    assert first == again == orders((0, 0))[0]
    assert len({tuple(each) for each in [first, written, *others]}) == 5
    # The whole list is shuffled: the last comes early, now and then.
    seeds = [(0, k) for k in range(12)]
    assert min(order.index(written[-1]) for order in orders(*seeds)) < 8
    # Of several workers each has its share, and together they have all.
    shares = [orders((0, 3), worker=w, workers=3)[0] for w in range(3)]
    assert [len(share) for share in shares] == [14, 13, 13]
    assert sorted(x for share in shares for x in share) == list(range(40))
    if kind in ("files", "arrays", "ink"):
        (whole,) = orders((0, 3))
        assert shares == [whole[w::3] for w in range(3)]


def test_own_data(tmp_path):
    images, labels = np.zeros((6, 2, 3, 3), "uint8"), np.array([0, 1, 2, 2, 1, 0])
    data = datasets.wrap((images, labels), (images[:2], labels[:2, None]), name="mine")
    assert (data.name, data.classes, len(data.train)) == ("mine", ("0", "1", "2"), 6)
    np.testing.assert_array_equal(data.validation.labels, [0, 1])
    named = datasets.wrap((images, labels), (images, labels), classes=["a", "b", "c"])
    assert named.classes == ("a", "b", "c")
    assert named.held == "validation"
    assert named.splits == (named.train, named.validation)


@pytest.mark.parametrize(
    ("images", "labels", "classes", "message"),
    [
        (np.ones((2, 4, 4, 3)), [0, 1], None, r"uint8.*Received: float64 from 1.0 to 1.0"),
        (np.zeros((2, 4, 4), "uint8"), [0, 1], None, r"\(n, height, width, channels\).*\(2, 4, 4"),
        (np.zeros((2, 4, 4, 2), "uint8"), [0, 1], None, "3 channels, or 1. Received: 2"),
        (np.zeros((2, 4, 4, 3), "uint8"), [0], None, r"2 images need as many labels.*\(1,\)"),
        (np.zeros((2, 4, 4, 3), "uint8"), [0.0, 1.0], None, "integers from 0. Received: float64"),
        (
            np.zeros((3, 4, 4, 3), "uint8"),
            [0, -1, 1],
            None,
            "train: Labels are integers from 0. Received: -1 for image 1",
        ),
        (
            np.zeros((3, 4, 4, 3), "uint8"),
            [0, 1, 2],
            ["a", "b"],
            "labels from 0 to 1.*Received: 2 for image 2 of train",
        ),
        (np.zeros((0, 4, 4, 3), "uint8"), np.zeros(0, int), "ab", "train has no image"),
        (np.zeros((2, 4, 4, 3), "uint8"), [0, 0], None, "two classes or more. Received: 1"),
    ],
)
def test_own_data_that_cannot_be_trained_on(images, labels, classes, message):
    good = (np.zeros((2, 4, 4, 3), "uint8"), [0, 1])
    with pytest.raises(ValueError, match=message):
        datasets.wrap((images, labels), good, classes)


@tensorflow_only
def test_own_stream():
    data = numbered_stream()
    own = datasets.wrap(data, data.take(4), classes=[str(i) for i in range(40)])
    assert (len(own.train), len(own.validation)) == (40, 4)
    with pytest.raises(ValueError, match="names of its classes. Received: classes=None"):
        datasets.wrap(data, data)
    with pytest.raises(ValueError, match="must give single examples"):
        datasets.wrap(data.batch(2), data, classes="ab")
    with pytest.raises(ValueError, match=r"must know its length: `\.apply"):
        datasets.wrap(data.filter(lambda x, y: y > 3), data, classes="ab")


def test_cifar10_as_images(tmp_path):
    for batch in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]:
        write(tmp_path, {f"{batch}.bin": b"".join(struct.pack("B3072x", y) for y in (9, 3))})
    write(tmp_path, {"test_batch.bin": struct.pack("B", 4) + bytes(range(256)) * 12})
    data = datasets.load("cifar10", tmp_path)
    assert (data.classes[3], data.held) == ("cat", "test")
    assert (len(data.train), len(data.validation)) == (10, 1)
    image, label = data.validation[0]
    assert (image.shape, image.dtype, label) == ((32, 32, 3), np.uint8, 4)


def test_cifar10_has_planes_of_rows(tmp_path):
    """A record is its label, then the red plane row by row, the green one and the blue one."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3072), "uint8")
    for batch in ["test_batch", *(f"data_batch_{n}" for n in range(1, 6))]:
        content = b"".join(bytes([y]) + p.tobytes() for y, p in zip((9, 3), pixels, strict=True))
        write(tmp_path, {f"{batch}.bin": content})
    images, labels = cifar10.read("test", tmp_path)
    assert labels.tolist() == [9, 3]
    for k, row, column, plane in [(0, 0, 0, 0), (1, 5, 29, 1), (1, 31, 2, 2)]:
        assert images[k, row, column, plane] == pixels[k, 1024 * plane + 32 * row + column]
    assert len(cifar10.read("train", tmp_path)[0]) == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(3072), r"test_batch\.bin is not whole: expected records of 3,073.*received 3,072"),
        (b"", "test_batch.bin is not whole.*received 0 bytes"),
        (b"\n" + bytes(3072), "not a file of CIFAR-10: expected labels from 0 to 9, received 10"),
    ],
)
def test_broken_files_of_cifar10(content, message, tmp_path):
    write(tmp_path, {"test_batch.bin": content})
    with pytest.raises(ValueError, match=message):
        cifar10.read("test", tmp_path)


def test_the_archive_of_cifar10(tmp_path, monkeypatch):
    """In the Keras cache it is unpacked once; a truncated one is named."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets" / "cifar10"
    write(tmp_path, {"cifar-10-batches-bin/test_batch.bin": bytes(3073)})
    folder.mkdir(parents=True)
    archive = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as members:
        members.add(tmp_path / "cifar-10-batches-bin", "cifar-10-batches-bin")
    assert len(cifar10.read("test")[0]) == 1

    shutil.rmtree(folder / "cifar-10-batches-bin")
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz is truncated.*Remove it"):
        cifar10.read("test")


# TensorFlow Datasets


def store(folder, splits, secret=False, **features):
    """Prepares a data set `tiny` whose example `i` is a PNG of grey `i`, class `i % 2`."""
    tfds = pytest.importorskip(
        "tensorflow_datasets", reason="needs TensorFlow Datasets: the extra 'tfds'"
    )
    features = {
        "image": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
        "label": tfds.features.ClassLabel(names=["even", "odd"]),
        "other": tfds.features.Text(),
    } | features
    examples = {
        split: [
            (i, {"image": np.full((5, 7, 1), i, "uint8"), "label": label, "other": ""})
            for i in numbers
            for label in [-1 if secret and split == "test" else i % 2]
        ]
        for split, numbers in splits.items()
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny",
        version="1.0.0",
        data_dir=folder,
        split_datasets=examples,
        features=tfds.features.FeaturesDict(features),
        download_config=tfds.download.DownloadConfig(num_shards=3),
    )


@tensorflow_only
def test_tfds(tmp_path):
    store(tmp_path, {"train": range(30), "test": range(100, 105)})
    data = datasets.load("tfds:tiny", tmp_path)
    assert (data.name, data.held) == ("tfds:tiny", "validation")
    assert data.classes == ("even", "odd")
    assert (len(data.train), len(data.validation)) == (30, 5)
    pairs = list(read(data.validation))
    assert sorted(int(image[0, 0, 0]) for image, _ in pairs) == list(range(100, 105))
    for image, label in pairs:
        assert (image.shape, image.dtype, label.dtype) == ((5, 7, 3), "uint8", "int32")
        np.testing.assert_array_equal(image, np.full((5, 7, 3), image[0, 0, 0]))
        assert int(label) == int(image[0, 0, 0]) % 2


@tensorflow_only
@pytest.mark.parametrize("secret", [False, True])
def test_tfds_of_three_splits(secret, tmp_path):
    """A test whose labels are secret has -1 for each, and counts for nothing."""
    store(tmp_path, {"train": range(9), "validation": range(4), "test": range(5)}, secret=secret)
    data = datasets.load("tfds:tiny", tmp_path)
    lengths = [len(split) for split in data.splits]
    assert lengths == ([9, 4] if secret else [9, 4, 5])
    assert list(data.parts)[:2] == ["train", "validation"]


@tensorflow_only
def test_tfds_without_a_split_for_validation(tmp_path):
    store(tmp_path, {"train": range(30)})
    data = datasets.load("tfds:tiny", tmp_path)
    held = [int(image[0, 0, 0]) for image, _ in read(data.validation)]
    kept = [int(image[0, 0, 0]) for image, _ in read(data.train)]
    assert (len(data.train), len(data.validation)) == (27, 3)
    assert sorted(kept + held) == list(range(30))


@tensorflow_only
@pytest.mark.parametrize("server", ["is not there", "says nothing", "stops"])
def test_tfds_without_a_network(server, tmp_path, monkeypatch):
    """In its own way, TensorFlow Datasets tries ten times, or waits without an end."""
    tfds = pytest.importorskip("tensorflow_datasets", reason="needs TensorFlow Datasets")
    import requests

    class FromAfar(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            label = tfds.features.ClassLabel(num_classes=2)
            features = {"image": tfds.features.Image(), "label": label}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, manager):
            path = manager.download(f"http://127.0.0.1:{port}/a.zip")
            return {"train": self._generate_examples(path)}

        def _generate_examples(self, path):
            yield 0, {"image": path, "label": 0}

    monkeypatch.setattr(cache, "PATIENCE", 0.3)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: FromAfar(data_dir=data_dir))
    calls = []

    def answer():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            calls.append(connection)
            if server == "stops":
                connection.recv(4096)
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nPK")

    before = requests.adapters.HTTPAdapter.send
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if server == "is not there":
            listening.close()
        else:
            threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(FileNotFoundError, match=r"^tfds:from_afar needs files .*127\.0\.0\.1"):
            datasets.load("tfds:from_afar", tmp_path)
    assert len(calls) == (server != "is not there")
    assert requests.adapters.HTTPAdapter.send is before
    assert not list(tmp_path.rglob("*.tfrecord*"))


@tensorflow_only
def test_tfds_that_cannot_be_used(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets", reason="needs TensorFlow Datasets")
    store(tmp_path / "a", {"test": range(3)})
    with pytest.raises(ValueError, match="tfds:tiny must have a split `train`. Received: test"):
        datasets.load("tfds:tiny", tmp_path / "a")
    store(tmp_path / "b", {"train": range(3)}, label=tfds.features.Scalar(np.int64))
    with pytest.raises(ValueError, match=r"label \(ClassLabel\). Received: .*label \(Scalar\)"):
        datasets.load("tfds:tiny", tmp_path / "b")


def test_tfds_needs_its_package_and_tensorflow(monkeypatch):
    monkeypatch.setattr(backend, "has_tf_data", lambda: True)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'pip install "keras-classics\[tfds\]"'):
        datasets.load("tfds:imagenette")
    monkeypatch.setattr(backend, "has_tf_data", lambda: False)
    monkeypatch.setattr(backend, "name", lambda: "jax")
    with pytest.raises(
        ValueError, match="needs the TensorFlow backend. Received: KERAS_BACKEND=jax"
    ):
        datasets.load("tfds:imagenette")


def test_one_file_that_cannot_be_decoded(tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.jpg cannot be decoded: not a .*Save it as JPEG"):
        datasets.read_image(tmp_path / "text.jpg")
    with pytest.raises(FileNotFoundError, match=r"There is no file .*/gone\.png\.$"):
        datasets.read_image(tmp_path / "gone.png")


def test_cifar100(tmp_path):
    for name, fine in [("train", 99), ("test", 7)]:
        write(tmp_path, {f"{name}.bin": bytes([3, fine]) + bytes(range(256)) * 12})
    data = datasets.load("cifar100", tmp_path)
    assert len(data.classes) == 100
    assert (data.classes[0], data.classes[99]) == ("apple", "worm")
    assert (list(data.train.labels), list(data.validation.labels)) == ([99], [7])
    image = data.train.images[0]
    assert (image[0, 1, 0], image[1, 0, 0], image[0, 0, 1], image[31, 31, 2]) == (1, 32, 0, 255)
    write(tmp_path, {"test.bin": bytes([3, 100]) + bytes(3072)})
    with pytest.raises(ValueError, match="not a file of CIFAR-100: expected labels from 0 to 99"):
        datasets.load("cifar100", tmp_path)
    write(tmp_path, {"test.bin": bytes(3073)})
    with pytest.raises(ValueError, match="expected records of 3,074 bytes, received 3,073"):
        datasets.load("cifar100", tmp_path)


def test_data_of_keras(monkeypatch):
    def load_data(*shape):
        images = np.arange(2 * np.prod(shape)).reshape(2, *shape).astype("uint8")
        labels = np.array([[1], [9]], "uint8") if len(shape) == 3 else np.array([1, 9], "uint8")
        return lambda: ((images, labels), (images[:1], labels[:1]))

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data(32, 32, 3))
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", load_data(28, 28))
    data = datasets.load("keras:cifar10")
    assert (data.name, data.held, data.classes[9], list(data.train.labels)) == (
        *("keras:cifar10", "test", "truck"),
        [1, 9],
    )
    data = datasets.load("keras:fashion_mnist")
    assert (data.name, data.held, data.train.box, data.train.images.shape) == (
        *("keras:fashion_mnist", "test", 20),
        (2, 28, 28, 1),
    )
    assert data.train.images[0, 0, 5, 0] == np.float32(5 / 255)
    with pytest.raises(ValueError, match="there are keras:mnist, .*Received: keras:imdb"):
        datasets.load("keras:imdb")
