"""Files of weights: what one is, is read from its content; and its arrays, one by one.

A reader is a function from a path to a `File`, whose arrays state their shape and type before
their numbers are read. It imports its format's library itself.
"""

import contextlib
import math
import pathlib
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

HDF5, ZIP, NPY = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x93NUMPY"
PICKLE = b"\x80"  # and the number of the protocol: PyTorch until version 1.5
# Arrays that take more than so many times the bytes of their file are no weights.
EXPANSION, SMALL = 20, 2**26
FLOATS = ("float16", "bfloat16", "float32", "float64")


class Array(NamedTuple):
    """An array of a file: its name there, shape and type, and a function that reads it."""

    name: str
    shape: tuple
    dtype: str
    read: object


class File:
    """An open file of weights.

    `arrays` are its `Array`s by a key. Where a format counts the arrays of a layer instead of
    naming them (Caffe, Keras), the key is the layer's name and the number, `"conv1/0"`.
    `structure` is what the file says about the network itself: a caffemodel's `caffe.Layer`s;
    of Keras's files `"legacy"`, `"flat"`, or `"nested"` if they hold a model within a model.
    `layers` are the names of all layers and their kinds, `{"conv2_1_add": "add"}`, if known.
    """

    def __init__(self, path, kind, arrays, structure=None, layers=None):
        self.path, self.kind, self.arrays = path, kind, arrays
        self.structure, self.layers = structure, layers


def open_weights(path):
    """The `File` at a path, for a `with` statement.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no file of weights, is damaged, or could do harm; the message names
            the file and the reason.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder: give a file, of a KerasHub preset task.weights.h5 or "
            "model.weights.h5."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    return _opened(path)


@contextlib.contextmanager
def _opened(path):
    kind, reader = _recognize(path)
    with contextlib.ExitStack() as stack:
        with reading(path, kind):
            file = reader(path, stack)
            _refuse_bombs(file)
        yield file


@contextlib.contextmanager
def reading(path, kind):
    """Whatever a format's library raises becomes a `ValueError` with the file and the reason."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # of zipfile, h5py, protobuf, torch, safetensors, NumPy
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ValueError(f"{path} cannot be read as {kind}: {reason}") from error


def _recognize(path):
    """The name of a file's format, and its reader."""
    from keras_classics.weights import caffe, hdf5, npz, pytorch

    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(16)
    if start.startswith(HDF5):
        return "a weights file of Keras (HDF5)", hdf5.read
    if start.startswith(ZIP):
        with reading(path, "a zip archive"), zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if "model.weights.h5" in names:
            return "a model of Keras (.keras)", hdf5.read_keras
        if any(pathlib.PurePath(name).name == "data.pkl" for name in names):
            return "a checkpoint of PyTorch", pytorch.read
        if names and all(name.endswith(".npy") for name in names):
            return "arrays of NumPy (.npz)", npz.read
        raise ValueError(
            f"{path} is a zip archive, but holds neither a Keras model, nor a checkpoint of "
            f"PyTorch, nor NumPy's arrays. Received: {', '.join(names[:5]) or 'no file'}"
        )
    if len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
        return "a safetensors file", pytorch.read_safetensors
    if start.startswith(PICKLE):
        return "a checkpoint of PyTorch", pytorch.read
    if start.startswith(NPY):
        raise ValueError(
            f"{path} is one array of NumPy (.npy), perhaps a pickle, which could run code: "
            "save the arrays as .npz or .safetensors."
        )
    if caffe.resembles(start):
        return "a caffemodel", caffe.read
    raise ValueError(
        f"{path} is no file of weights that is known here: HDF5 (.h5), .keras, .npz, PyTorch's "
        f"(.pth), .safetensors or a .caffemodel. Received: {size:,} bytes, the first {start!r}"
    )


def _refuse_bombs(file):
    """Fails where a file's arrays are far larger than the file itself."""
    size = file.path.stat().st_size
    total = sum(math.prod(array.shape) * itemsize(array.dtype) for array in file.arrays.values())
    if total > max(SMALL, EXPANSION * size):
        raise ValueError(
            f"{total:,} bytes of arrays in a file of {size:,} bytes, which is no file of weights"
        )


def itemsize(dtype):
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def check_archive(path):
    """Fails on a zip archive with a damaged member: by the checksums that it holds."""
    with zipfile.ZipFile(path) as archive:
        declared = sum(info.file_size for info in archive.infolist())
        size = path.stat().st_size
        if declared > max(SMALL, EXPANSION * size):
            raise ValueError(f"{declared:,} bytes in a file of {size:,} bytes: a zip bomb")
        damaged = archive.testzip()
    if damaged:
        raise ValueError(f"{damaged} is damaged: its checksum is another")


def check_member(archive, info):
    """Fails on a damaged member of a zip archive, without keeping it."""
    crc = 0
    with archive.open(info) as stream:
        while block := stream.read(2**20):
            crc = zlib.crc32(block, crc)


def read(path):
    """All arrays of a file of weights by their names there; no network is needed.

    Args:
        path: Path of a weights file of Keras (`.h5`, `.weights.h5`, `.keras`), of PyTorch
            (`.pth`, `.pt`, `.th`, `.safetensors`), a `.npz` or a `.caffemodel`. What it is, is
            read from its content.

    Returns:
        A dictionary from names to arrays; of a caffemodel from the names of its layers to lists
        of their blobs.

    Raises:
        FileNotFoundError, ValueError: as of `load`.
        ImportError: If the format's library is missing; the message names the extra.
    """
    with open_weights(path) as file:
        arrays = {}
        for array in file.arrays.values():
            with reading(file.path, file.kind):
                value = array.read()
            if file.kind == "a caffemodel":
                arrays.setdefault(array.name.rpartition("/")[0], []).append(value)
            else:
                arrays[array.name] = value
    return arrays
