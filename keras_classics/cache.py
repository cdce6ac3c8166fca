"""Where Keras keeps what it downloads. This module needs no Keras."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

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
