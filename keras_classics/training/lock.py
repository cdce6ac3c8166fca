"""One process at a time writes into a run folder, on this machine and over a shared disk."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from keras_classics.tables import counted

NAME = re.compile(r"lock-(\d+)\.json")
PARTS = "part-lock-*.json"  # what a process leaves that is killed while it makes its lock
BEAT = 30  # seconds between two signs of life
SILENT = 300  # seconds without a sign of life, after which a process of another machine is gone


class Lock:
    """Holds a folder for this process.

    The lock is a file of the folder, `lock-N.json`, which says who has made it: host, process, and
    since when. It is made exclusively and all at once, a link to a complete file. So of several
    processes one alone makes it, and a killed one leaves no half of it.

    A process of this machine is gone if there is none of its number that started when it did. Of
    one on another machine, this cannot be seen. So the holder touches its file every half a
    minute, and one that has not done so for five minutes is gone. The lock of a process that is
    gone is followed by that of the next number, never replaced: another process may have the same
    in mind, and would replace the new one.

    Args:
        folder: The folder, which exists.

    Example:

    ```python
    import tempfile

    from keras_classics.training.lock import Lock, holder

    with tempfile.TemporaryDirectory() as folder:
        with Lock(folder).held():
            print(holder(folder)["process"])  # the number of this process
        print(holder(folder))  # None
    ```
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = pathlib.Path(folder)
        self.path: pathlib.Path | None = None
        self.stated = {
            **_place(),
            "process": os.getpid(),
            "started": _started(os.getpid()),
            "since": datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
            "token": secrets.token_hex(8),
        }

    @contextlib.contextmanager
    def held(self) -> Iterator["Lock"]:
        """Holds the folder in a context.

        Raises:
            RuntimeError: If another process holds it.
        """
        released = threading.Event()
        try:
            self.take()
            threading.Thread(target=self._live, args=[released], daemon=True).start()
            yield self
        finally:
            released.set()
            if self.path is not None and self._is_mine():
                with contextlib.suppress(OSError):
                    self.path.unlink()

    def take(self) -> None:
        """Takes the lock, unless this process has it.

        Raises:
            RuntimeError: If another process holds it. So one that was silent for too long does
                not go on beside the one that took its place.
        """
        if self.path is not None and self._is_mine():
            return
        while True:
            refuse_held(self.folder)
            before = locks(self.folder)
            path = self.folder / f"lock-{max(before, default=0) + 1}.json"
            try:
                _create(path, self.stated)
            except FileExistsError:
                continue  # another process was first: it is the one that is refused for
            self.path = path
            # A process that was asleep may have made its own beside this one.
            refuse_held(self.folder, but=path)
            for each in before.values():
                each.unlink(missing_ok=True)
            return

    def _is_mine(self):
        return _read(self.path).get("token") == self.stated["token"]

    def _live(self, released):
        while not released.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.path)


def locks(folder: str | os.PathLike) -> dict[int, pathlib.Path]:
    """The files of locks in a folder, by their numbers."""
    found = {path: NAME.fullmatch(path.name) for path in pathlib.Path(folder).iterdir()}
    return {int(match[1]): path for path, match in sorted(found.items()) if match}


def holder(
    folder: str | os.PathLike, but: str | os.PathLike | None = None
) -> dict[str, Any] | None:
    """Who holds a folder.

    Args:
        folder: The folder.
        but: A lock that does not count.

    Returns:
        What the lock says, with its `path`, and whether the process `is seen` to run; or `None`.
        Of a lock that cannot be read, the path alone.
    """
    for path in locks(folder).values():
        if but is None or path != pathlib.Path(but):
            stated = _read(path)
            if not stated:  # it is being written
                time.sleep(0.1)
                stated = _read(path)
            runs = _runs(stated, path)
            if runs is not False:
                return {**stated, "path": path, "is seen": runs is True}
    return None


def refuse_held(folder: str | os.PathLike, but: str | os.PathLike | None = None) -> None:
    """Refuses a folder that another process holds.

    Args:
        folder: The folder.
        but: A lock that does not count.

    Raises:
        RuntimeError: If another process holds it; the message says which, and what to do.
    """
    found = holder(folder, but)
    if found is None:
        return
    if "process" in found:
        who = f"process {found['process']} on {found['host']}, since {found['since']}"
    else:
        who = "another process, which its lock does not name"
    unseen = (
        ""
        if found["is seen"]
        else f" Whether it still runs cannot be seen from here. If it does not, remove "
        f"{found['path']}, or wait {counted(SILENT // 60, 'minute')}."
    )
    raise RuntimeError(
        f"{folder} is held by {who}: one process at a time trains in a run folder. Wait for it, "
        f"stop it, or choose another folder.{unseen}"
    )


def gone(folder: str | os.PathLike) -> list[str]:
    """The names of what processes that are gone have left of their locks.

    Args:
        folder: A folder that no process begins to hold.
    """
    found = [path for path in locks(folder).values() if _runs(_read(path), path) is False]
    return [path.name for path in (*found, *pathlib.Path(folder).glob(PARTS))]


def _create(path, stated):
    """Makes a file that does not exist, all at once."""
    part = path.with_name(PARTS.replace("*", stated["token"]))
    try:
        part.write_text(json.dumps(stated), encoding="utf-8")
        try:
            os.link(part, path)
        except FileExistsError:
            raise
        except OSError:  # a disk without links
            with open(path, "x", encoding="utf-8") as file:
                file.write(json.dumps(stated))
    finally:
        part.unlink(missing_ok=True)


def _runs(stated, path):
    """Whether the process of a lock runs: true, false, or `None` where this cannot be seen."""
    here = _place()
    elsewhere = any(stated.get(name) != here[name] for name in ("host", "machine"))
    if "process" in stated and not elsewhere and stated.get("boot") != here["boot"]:
        return False  # the machine was started anew
    # Of another machine or container, or damaged.
    if "process" not in stated or elsewhere or stated.get("processes") != here["processes"]:
        return None if _silence(path) < SILENT else False
    started = _started(stated["process"])
    return started is not None and started == stated.get("started")


def _silence(path):
    """Seconds since the last sign of life."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return SILENT  # released


def _read(path):
    """What a lock says; nothing if it cannot be read."""
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _place():
    """Where numbers of processes mean the same: the machine, since its start, and the container."""
    return {
        "host": socket.gethostname(),
        "machine": _content("/etc/machine-id"),
        "boot": _content("/proc/sys/kernel/random/boot_id"),
        "processes": os.readlink("/proc/self/ns/pid") if os.path.exists("/proc/self/ns") else "",
    }


def _content(path):
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return ""


def _started(process):
    """When a process started, in the kernel's ticks; `None` if there is no such process."""
    if os.path.isdir("/proc/self"):
        _, _, fields = _content(f"/proc/{process}/stat").rpartition(")")
        state, *rest = fields.split() or ["X"]
        return None if state in "XZ" else rest[18]
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # another user's
        pass
    return "some time"
