"""Where Keras keeps what it downloads. This module needs no Keras."""

import os
import pathlib


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
