"""Paths in arrays, and what is kept of the files of a large folder."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_classics import cache, datasets
from keras_classics.datasets import folders, headers, splits
from keras_classics.datasets.paths import AT_ONCE, LONGEST, Paths

PATHS = ["/a/b/1.jpg", "/a/2.jpg", "/a/b/é 3.jpg", "4.jpg", "c/4.jpg", "/a/b/" + "x" * 300]


def test_paths_are_those_of_the_list():
    paths = Paths.of(PATHS)
    assert (len(paths), [*paths], paths) == (len(PATHS), PATHS, PATHS)
    assert (paths[-1], paths[1:3], paths[np.int64(2)]) == (PATHS[-1], PATHS[1:3], PATHS[2])
    assert paths.take([4, 0, 4]) == [PATHS[4], PATHS[0], PATHS[4]]
    assert Paths.joined([paths.take([1]), Paths.of([]), paths.take([0, 2])]) == [
        PATHS[1],
        PATHS[0],
        PATHS[2],
    ]
    assert Paths.of_arrays(paths.take([5, 3]).arrays()) == [PATHS[5], PATHS[3]]
    assert Paths.of(paths) is paths
    assert paths != PATHS[:-1]
    assert repr(paths) == "Paths(['/a/b/1.jpg', '/a/2.jpg', '/a/b/é 3.jpg', ...])"
    with pytest.raises(IndexError):
        paths[len(PATHS)]
    undecodable = os.fsdecode(b"/a/\xff.jpg")
    assert [*Paths.of([undecodable])] == [undecodable]


def test_hashes_tell_paths_apart():
    """Whatever the folder, the order of the letters, and how long the names are."""
    names = ["ab", "ba", "aab", "b", "", "\0", "\0\0", "a" * LONGEST, "a" * (LONGEST + 1)]
    names += ["x" * LONGEST + "yz", "x" * LONGEST + "zy", *map(str, range(3 * AT_ONCE))]
    paths = Paths.of([f"/{folder}/{name}" for folder in ("p", "q") for name in names])
    hashes = paths.hashes()
    assert len(np.unique(hashes)) == len(paths)
    order = np.random.default_rng(0).permutation(len(paths))
    np.testing.assert_array_equal(paths.take(order).hashes(), hashes[order])
    moved = Paths.of([f"/moved/to{path}" for path in paths])
    np.testing.assert_array_equal(moved.hashes(moved.root()), paths.hashes(paths.root()))
    assert (moved.root(), Paths.of(["a/b"]).root()) == (b"/moved/to", b"")
    assert not set(moved.hashes()) & set(hashes)


def test_marks_change_with_size_and_time(tmp_path):
    path = tmp_path / "a"
    marks = []
    for content, when in [(b"1", 1), (b"2", 1), (b"12", 1), (b"12", 2)]:
        path.write_bytes(content)
        os.utime(path, (when, when))
        marks += Paths.of([path]).marks().tolist()
    assert (marks[0], len(set(marks))) == (marks[1], 3)
    path.unlink()
    assert Paths.of([path]).stats.tolist() == [[-1, -1]]


def folder_of(root, count=12, size=(5, 4)):
    for name in "ab":
        (root / name).mkdir(parents=True, exist_ok=True)
        for k in range(count // 2):
            Image.new("RGB", size).save(root / name / f"{k}.png")
    return str(root)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder of which everything is kept; and the files whose headers are read."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for module in (headers, folders):
        monkeypatch.setattr(module, "LARGE", 12)
    read, seen = headers.read_header, []

    def read_header(path):
        seen.append(os.path.relpath(path, tmp_path / "images"))
        return read(path)

    monkeypatch.setattr(headers, "read_header", read_header)
    return folder_of(tmp_path / "images"), seen


def test_headers_are_read_once(kept):
    folder, seen = kept
    assert datasets.load(folder).survey()[1] == {}
    assert len(seen) == len(set(seen)) == 12
    seen.clear()
    datasets.load(folder).survey()
    assert seen == []
    # Of a file that was changed, added or removed, nothing else is read again.
    os.utime(f"{folder}/a/1.png", (1, 1))
    Image.new("RGB", (3, 2)).save(f"{folder}/b/new.png")
    pathlib.Path(folder, "b", "page.png").write_text("not found")
    os.remove(f"{folder}/a/5.png")
    for expected in (["a/1.png", "b/new.png", "b/page.png"], []):
        seen.clear()
        with pytest.warns(UserWarning, match="1 file of .*b/page.png .*not a JPEG"):
            _, damaged = datasets.load(folder).survey()
        assert sorted(seen) == expected
        assert [*damaged] == [f"{folder}/b/page.png"]
    # A cache that cannot be read is none.
    (path,) = (pathlib.Path(os.environ["KERAS_HOME"]) / "keras_classics" / "headers").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match="1 file of"):
        datasets.load(folder).survey()
    assert len(seen) == 13


def test_what_a_check_finds_is_kept(kept):
    folder, _ = kept
    pathlib.Path(folder, "a", "cut.png").write_bytes(
        pathlib.Path(folder, "a", "0.png").read_bytes()[:-12]
    )
    data = datasets.load(folder)
    reasons, found = data.check()
    assert reasons == {f"{folder}/a/cut.png": "it is cut off"}
    assert found == {"formats": {"PNG": 12}, "sizes": [(5, 4), (5, 4)]}
    again, damaged = datasets.load(folder).survey()
    (split,) = (each for each in again.splits if each.damaged)
    assert (damaged, [*split.damaged.values()]) == ({}, ["it is cut off"])
    with pytest.raises(ValueError, match="1 file of .*a/cut.png"):
        datasets.load(folder, corrupt="refuse").survey()


def test_a_folder_is_not_looked_through_again(kept, monkeypatch):
    folder, _ = kept
    data = datasets.load(folder, upright=True)
    Image.new("RGB", (3, 2)).save(f"{folder}/b/new.png")
    monkeypatch.setattr(folders, "_scanned", None)
    same = datasets.load(folder, corrupt="refuse", rescan=False)
    assert (same.classes, same.name) == (data.classes, data.name)
    for part in ("train", "validation"):
        one, two = getattr(data, part), getattr(same, part)
        assert one.paths == two.paths
        np.testing.assert_array_equal(one.labels, two.labels)
        np.testing.assert_array_equal(one.paths.stats, two.paths.stats)
    assert (same.train.corrupt, same.train.upright) == ("refuse", False)
    monkeypatch.undo()
    assert len(datasets.load(folder).train) == len(data.train) + 1


def test_without_a_list_a_folder_is_looked_through(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    data = datasets.load(folder_of(tmp_path / "few"), rescan=False)
    assert len(data.train) == 10
    assert not (tmp_path / "home" / "keras_classics").exists()


def test_other_classes_are_another_list(kept):
    folder, _ = kept
    assert datasets.load(folder, classes=["a", "b"]).classes == ("a", "b")
    assert datasets.load(folder, classes=["b", "a"], rescan=False).classes == ("b", "a")


def test_slow_disks_are_read_in_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(headers, "SLOW", 0)
    monkeypatch.setattr(headers, "AT_ONCE", 2)
    split = splits.Files(
        sorted(map(str, pathlib.Path(folder_of(tmp_path)).rglob("*.png"))), [0] * 12
    )
    open(split.paths[5], "wb").close()
    found = headers.read_headers([split.paths.take([0, 1, 2]), split.paths.take(range(3, 12))], "")
    assert found.damaged == {5: "it is empty"}
    assert found.sizes[[0, 11]].tolist() == [[5, 4], [5, 4]]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("more", [{}, {"exif": b"Exif\0\0" + b"x" * 5000}])
def test_headers_of_all_formats(format, more, tmp_path):
    path = tmp_path / "image"
    options = more if format in ("JPEG", "WEBP") else {}
    Image.new("RGB", (70, 30)).save(path, format, **options)
    assert headers.read_header(path) == (format, 70, 30)


def test_a_file_that_cannot_be_kept(monkeypatch, tmp_path):
    """As where the home folder is a file, or read-only: nothing is kept, and nothing is said."""
    (tmp_path / "home").write_bytes(b"")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    cache.write("headers", "x", a=np.zeros(1))
    assert cache.read("headers", "x") is None


def test_progress(capsys, monkeypatch):
    from keras_classics import progress

    monkeypatch.setattr(progress, "AFTER", -1)
    shown = progress.Progress("files", 1200)
    shown.add(300)
    shown.add(900)
    shown.end()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["files: 300 of 1", "files: 1"]
    assert lines[1].startswith("files: 1,200 of 1,200, ")
    quiet = progress.Progress("files", 3, verbose=False)
    quiet.add(3)
    quiet.end()
    assert capsys.readouterr().err == ""


def test_the_command_check(tmp_path):
    folder = folder_of(tmp_path / "images")
    command = [sys.executable, "-m", "keras_classics", "check", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "12 files of" in done.stdout
    assert "PNG   12\nwidths from 5 to 5, heights from 4 to 4 pixels\n" in done.stdout
    pathlib.Path(folder, "b", "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "b/cut.png: " in done.stdout) == (1, True)
    assert "1 file of" in done.stderr


def test_the_command_check_takes_a_folder(tmp_path):
    """Not the name of a data set, none of whose files it would decode."""
    command = [sys.executable, "-m", "keras_classics", "check", "mnist"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("takes a folder of images, or of shards. Received: mnist\n")
    folder_of(tmp_path / "mnist")
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "12 files of mnist decoded" in done.stdout
