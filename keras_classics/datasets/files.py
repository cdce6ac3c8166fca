"""Finds the files of a data set, and says what is wrong with them."""

import gzip
import os
import pathlib
import zlib

from keras_classics import cache


def locate(
    dataset: str, filename: str, url: str, data_dir: str | os.PathLike | None = None
) -> pathlib.Path:
    """The path of a file in `data_dir`; or in Keras's cache, into which it is downloaded if it is
    not there.

    Args:
        dataset: Name of the data set.
        filename: Name of the file.
        url: Where the file can be had.
        data_dir: Folder of the file. Default: Keras's cache.

    Raises:
        FileNotFoundError: If the file does not exist, and was not downloaded.
    """
    if data_dir is not None:
        path = pathlib.Path(data_dir).expanduser() / filename
        if not path.is_file():
            raise FileNotFoundError(
                f"The data set {dataset!r} needs the file {path}, which does not exist. "
                f"It can be had from {url}"
            )
        return path
    folder = cache.home() / "datasets"
    path = folder / dataset / filename
    if not path.is_file():
        import keras

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with cache.impatient():
                keras.utils.get_file(filename, url, cache_dir=str(folder), cache_subdir=dataset)
        except Exception as error:
            raise FileNotFoundError(
                f"The data set {dataset!r} needs the file {path}, which does not exist, and it "
                f"could not be downloaded from {url} ({error}). Put it there by hand, or name "
                "the folder that has it with --data_dir."
            ) from error
    return path


def unpack(path: pathlib.Path, url: str) -> bytes:
    """The content of a gzip file.

    Args:
        path: Path of the file.
        url: Where the file can be had.

    Raises:
        ValueError: If the file is truncated or is not a gzip file.
    """
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} is truncated or is not a gzip file ({error}; its size is "
            f"{path.stat().st_size} bytes). Get it again from {url}"
        ) from error
