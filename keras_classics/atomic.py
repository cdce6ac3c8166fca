"""Files that are written as a whole, or not at all."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator


@contextlib.contextmanager
def atomic(path: str | os.PathLike, unique: bool = False) -> Iterator[pathlib.Path]:
    """A path to write to, whose file takes its name when it is complete and on the disk.

    The temporary file lies in the same folder, with the same ending. It is removed if writing
    fails, and the old file then stays as it was.

    Args:
        path: Path of the file.
        unique: Whether the temporary file has a name of its own, so that two processes can write
            the same file at once. Otherwise it is `part-NAME`, and what a killed process left of
            it is overwritten.

    Raises:
        OSError: If the file cannot be written; the message names it.

    Example:

    ```python
    from keras_classics.atomic import atomic

    with atomic("notes.txt") as part:
        part.write_text("all of it")
    ```
    """
    path = pathlib.Path(path)
    own = f"{secrets.token_hex(4)}-" if unique else ""
    part = path.with_name(f"part-{own}{path.name}")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OSError(
            error.errno, f"{path} could not be written ({error.strerror or error})"
        ) from error
    finally:
        part.unlink(missing_ok=True)
