"""One process at a time in a run folder."""

import json
import os
import time

import pytest

from keras_classics.training import lock
from keras_classics.training.lock import Lock, holder, locks, refuse_held


def left(folder, number=1, **changes):
    """The lock of another process, as it has left it, or holds it."""
    path = folder / f"lock-{number}.json"
    path.write_text(json.dumps({**Lock(folder).stated, "token": "another", **changes}))
    return path


def test_held_and_released(tmp_path):
    with Lock(tmp_path).held() as own:
        own.take()  # it has it
        found = holder(tmp_path)
        assert (found["process"], found["is seen"]) == (os.getpid(), True)
        message = rf"is held by process {os.getpid()} on .*, since 20.*Wait for it, stop it"
        with pytest.raises(RuntimeError, match=message), Lock(tmp_path).held():
            pass
        assert holder(tmp_path)["token"] == own.stated["token"]
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_it_is_released_at_an_error(tmp_path):
    with pytest.raises(SystemExit), Lock(tmp_path).held():
        raise SystemExit
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"started": "1"},  # another process has its number now
        {"process": 2**22 + 1},
        {"process": "no number"},
        {"boot": "before the machine was started anew"},
    ],
    ids=str,
)
def test_one_that_is_gone_is_followed(changes, tmp_path):
    path = left(tmp_path, 3, **changes)
    if not os.path.isdir("/proc/self"):
        pytest.skip("needs /proc")
    with Lock(tmp_path).held():
        assert set(locks(tmp_path)) == {4}
        assert not path.exists()


@pytest.mark.parametrize("changes", [{"host": "other"}, {"processes": "pid:[1]"}], ids=str)
def test_one_of_another_machine(changes, tmp_path):
    """Is gone when it has been silent for long."""
    path = left(tmp_path, **changes)
    message = (
        r"Whether it still runs cannot be seen from here. If it does not, remove .*lock-1.json"
    )
    with pytest.raises(RuntimeError, match=message):
        refuse_held(tmp_path)
    before = time.time() - lock.SILENT - 1
    os.utime(path, (before, before))
    with Lock(tmp_path).held():
        assert set(locks(tmp_path)) == {2}


def test_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with Lock(tmp_path).held() as own:
        os.utime(own.path, (0, 0))
        time.sleep(0.1)
        assert own.path.stat().st_mtime > 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": "a"}'])
def test_one_that_cannot_be_read_is_not_passed_over(text, tmp_path):
    (tmp_path / "lock-1.json").write_text(text)
    with pytest.raises(
        RuntimeError, match=r"another process, which its lock does not name.*lock-1"
    ):
        refuse_held(tmp_path)


def test_a_process_that_was_asleep_gives_way(tmp_path, monkeypatch):
    """It saw nobody, fell asleep, and makes its own beside another one."""
    other, see, seen = Lock(tmp_path), lock.locks, []

    def asleep(folder):
        found = see(folder)
        seen.append(found)
        if len(seen) == 1:
            other.take()
        return found

    def at_the_end(folder, but=None):
        if but is not None:
            refuse_held(folder, but)

    monkeypatch.setattr(lock, "refuse_held", at_the_end)
    monkeypatch.setattr(lock, "locks", asleep)
    with pytest.raises(RuntimeError, match="is held by"), Lock(tmp_path).held():
        pass
    assert holder(tmp_path)["token"] == other.stated["token"]


def test_what_a_killed_process_leaves(tmp_path, monkeypatch):
    """While it makes its lock; and the same on a disk without links."""
    (tmp_path / "part-lock-1234.json").write_text("{")
    left(tmp_path, 1, started="1")
    left(tmp_path, 2)
    assert sorted(lock.gone(tmp_path)) == ["lock-1.json", "part-lock-1234.json"]
    (tmp_path / "lock-2.json").unlink()

    def no_link(*arguments):
        raise PermissionError

    monkeypatch.setattr(os, "link", no_link)
    with Lock(tmp_path).held() as own:
        assert holder(tmp_path)["token"] == own.stated["token"]
        assert not (tmp_path / f"part-lock-{own.stated['token']}.json").exists()


def test_one_that_was_taken_for_gone_does_not_go_on(tmp_path):
    with Lock(tmp_path).held() as own:
        own.path.unlink()
        own.take()  # nobody has it
        own.path.unlink()
        left(tmp_path, 5)
        with pytest.raises(RuntimeError, match="is held by"):
            own.take()
    assert set(locks(tmp_path)) == {5}


def test_of_many_at_once_one_has_it(tmp_path):
    """Also where the last one was killed."""
    left(tmp_path, started="1")
    moment, children = time.time() + 0.2, []
    until_closed, end = os.pipe()
    for _ in range(6):
        child = os.fork()
        if child == 0:
            os.close(end)
            try:
                time.sleep(max(0, moment - time.time()))
                with Lock(tmp_path).held():
                    os.read(until_closed, 1)
            except RuntimeError as error:
                os._exit(1 if "is held by process" in str(error) else 2)
            os._exit(0)
        children.append(child)
    refused, late = {}, time.time() + 30
    while len(refused) < 5 and time.time() < late:
        time.sleep(0.01)
        for child in set(children) - set(refused):
            ended, status = os.waitpid(child, os.WNOHANG)
            refused |= {child: status} if ended else {}
    os.close(end)
    statuses = refused | {c: os.waitpid(c, 0)[1] for c in set(children) - set(refused)}
    os.close(until_closed)
    codes = map(os.waitstatus_to_exitcode, statuses.values())
    assert sorted(codes) == [0, 1, 1, 1, 1, 1]
    assert list(tmp_path.iterdir()) == []
