"""Finds the files of a data set, and says what is wrong with them."""

import gzip
import os
import pathlib
import zlib

import keras


def locate(dataset, filename, url, data_dir=None):
    """The path of a file in `data_dir`, or in the Keras cache, downloaded if need be."""
    if data_dir is not None:
        path = pathlib.Path(data_dir).expanduser() / filename
        if not path.is_file():
            raise FileNotFoundError(
                f"The data set {dataset!r} needs the file {path}, which does not exist. "
                f"It can be had from {url}"
            )
        return path
    folder = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    path = folder / dataset / filename
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.get_file(filename, url, cache_dir=str(folder), cache_subdir=dataset)
        except Exception as error:
            raise FileNotFoundError(
                f"The data set {dataset!r} needs the file {path}, which does not exist, and it "
                f"could not be downloaded from {url} ({error}). Put it there by hand, or name "
                "the folder that has it with --data_dir."
            ) from error
    return path


def unpack(path, url):
    """The content of a gzip file, whole."""
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} is truncated or is not a gzip file ({error}; its size is "
            f"{path.stat().st_size} bytes). Get it again from {url}"
        ) from error
