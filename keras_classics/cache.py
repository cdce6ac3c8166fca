"""Where Keras keeps what it downloads, and this library what it found. It needs no Keras."""

import contextlib
import hashlib
import os
import pathlib
import socket
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from keras_classics.atomic import atomic

PATIENCE = 15  # seconds


def home() -> pathlib.Path:
    """The folder in which Keras keeps data sets and weights.

    Returns:
        `$KERAS_HOME`, or `~/.keras` where that is not set.

    Example:

    ```python
    from keras_classics import cache

    print(cache.home())
    ```
    """
    return pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """A context in which a download that stands still for 15 seconds ends with an error.

    Keras waits for a server without an end.

    Example:

    ```python
    from keras_classics import cache

    with cache.impatient():
        pass  # keras.utils.get_file(...)
    ```
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def read(kind: str, key: str) -> dict[str, Any] | None:
    """What was kept of an earlier process.

    Args:
        kind: What it is, a word.
        key: What it is of.

    Returns:
        Arrays by their names; `None` if nothing was kept, or it cannot be read.
    """
    import numpy as np  # takes longer than all that the light commands need

    try:
        with np.load(_kept(kind, key), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def write(kind: str, key: str, **arrays: Any) -> None:
    """Keeps arrays for later processes, if the disk allows it.

    Args:
        kind: What it is, a word.
        key: What it is of.
        **arrays: The arrays.
    """
    import numpy as np

    path = _kept(kind, key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path, unique=True) as part:
            np.savez(part, **arrays)


def _kept(kind, key):
    return home() / "keras_classics" / kind / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"
