"""Files that are written as a whole, or not at all; and where Keras keeps its files."""

import pathlib
import socket

import pytest

from keras_classics import cache
from keras_classics.atomic import atomic
from keras_classics.datasets import files


@pytest.mark.parametrize("unique", [False, True])
def test_a_file_is_new_or_as_it_was(tmp_path, unique):
    path = tmp_path / "a.txt"
    for content in ("first", "second"):
        with atomic(path, unique) as part:
            assert part.suffix == path.suffix
            assert part.parent == tmp_path
            part.write_text(content)
            assert path.exists() == (content == "second")
        assert path.read_text() == content
        assert list(tmp_path.iterdir()) == [path]

    def fails(error):
        with atomic(path, unique) as part:
            part.write_text("half")
            raise error

    for error in (ValueError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fails(error)
    with pytest.raises(OSError, match=r"a\.txt could not be written \(no space\)"):
        fails(OSError(28, "no space"))
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_the_error_names_the_file(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"absent/a\.txt could not be written"),
        atomic(tmp_path / "absent" / "a.txt") as part,
    ):
        part.write_text("all of it")


def test_two_at_once(tmp_path):
    """Each writes a part of its own; the one that ends later wins."""
    path = tmp_path / "a.txt"
    with atomic(path, unique=True) as one:
        one.write_text("one")
        with atomic(path, unique=True) as other:
            other.write_text("other")
        assert path.read_text() == "other"
    assert path.read_text() == "one"


def test_a_part_that_was_left_is_overwritten(tmp_path):
    with atomic(tmp_path / "a.txt") as part:
        pass_on = part
        part.write_text("whole")
    pass_on.write_text("half")  # as a process leaves it that was killed
    with atomic(tmp_path / "a.txt") as part:
        assert part == pass_on
        part.write_text("again")
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_the_cache_of_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert cache.home() == tmp_path
    monkeypatch.setenv("KERAS_HOME", "~/elsewhere")
    assert cache.home() == pathlib.Path.home() / "elsewhere"
    monkeypatch.delenv("KERAS_HOME")
    assert cache.home() == pathlib.Path.home() / ".keras"


def test_a_download_that_stands_still_ends(tmp_path, monkeypatch):
    """A server that says nothing is left after some seconds."""
    monkeypatch.setattr(cache, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        with pytest.raises(
            FileNotFoundError, match=r"could not be downloaded from http.*timed out"
        ):
            files.locate("mine", "file", url)
    assert socket.getdefaulttimeout() is None
