"""Files that are written as a whole, or not at all."""

import contextlib
import os
import pathlib


@contextlib.contextmanager
def atomic(path):
    """A path to write to, whose file takes its name when it is complete and on the disk.

    Raises:
        OSError: If the file cannot be written; the message names it.
    """
    path = pathlib.Path(path)
    part = path.with_name(f"part-{path.name}")
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
