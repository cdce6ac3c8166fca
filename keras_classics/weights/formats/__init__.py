"""Readers of weights files. What a file is, is read from its content.

A reader is a function from a path, and a stack of what is to be closed, to a `parts.File`. It
imports the library of its format itself. No reader knows a network.
"""

import codecs
import contextlib
import os
import pathlib
import zipfile
from typing import Any

from keras_classics.checks import arguments
from keras_classics.weights.formats import caffe, hdf5, npz, pytorch
from keras_classics.weights.formats.parts import reading

HDF5, ZIP, NPY = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x93NUMPY"
PICKLE = b"\x80"  # and the number of the protocol: PyTorch until version 1.5
FOLDER = ("model.weights.h5", "model.safetensors", "pytorch_model.bin")
HEAD = "task.weights.h5"
CAFFEMODEL = "a caffemodel"


def open_weights(path):
    """A context with the `parts.File` of a path.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of weights, is damaged, or could do harm; the message names
            the file and the reason.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file():
        raise ValueError(f"{path} is no regular file.")
    return _opened(path)


@contextlib.contextmanager
def _folder(path):
    """The file of weights of a folder as transformers or KerasHub writes it.

    Of a KerasHub preset, the head is in a file of its own, whose arrays are added.
    """
    known = [name for name in FOLDER if (path / name).is_file()]
    if not known:
        raise ValueError(
            f"{path} is a folder without {', '.join(FOLDER)}: give a file. Received: "
            f"{', '.join(sorted(each.name for each in path.iterdir())[:10]) or 'no file'}"
        )
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_opened(path / known[0]))
        if known[0] == "model.weights.h5" and (path / HEAD).is_file():
            head = stack.enter_context(_opened(path / HEAD))
            file.models = head.models | file.models
            file.arrays = head.arrays | file.arrays
        yield file


@contextlib.contextmanager
def _opened(path):
    kind, reader = _recognize(path)
    with contextlib.ExitStack() as stack:
        with reading(path, kind):
            file = reader(path, stack)
            file.path, file.kind = path, kind
        yield file


def _recognize(path):
    """What a file is, in words, and its reader.

    Raises:
        ValueError: If it is no file of weights.
    """
    with path.open("rb") as stream:
        start = stream.read(512)
    if not start:
        raise ValueError(f"{path} is empty.")
    if start.startswith(HDF5):
        return "a weights file of Keras (HDF5)", hdf5.read
    if start.startswith(ZIP):
        return _recognize_zip(path)
    text = _is_text(start)
    for is_this, words in [
        (start.startswith(b"version https://git-lfs"), "is a pointer of Git LFS: git lfs pull"),
        (text and start.lstrip()[:1] == b"<", "is a web page, saved instead of a file of weights"),
        (text, "is text, as a .prototxt or a .json is: the weights are in another file"),
        (start[257:262] == b"ustar", "is a tar archive: give the file in it"),
        (start.startswith(b"\x1f\x8b"), "is compressed by gzip: unpack it"),
    ]:
        if is_this:
            raise ValueError(f"{path} {words}.")
    if start.startswith(NPY):
        raise ValueError(f"{path} {npz.refusal(path)}")
    if start[8:9] == b"{":
        return "a safetensors file", pytorch.read_safetensors
    if start.startswith(PICKLE):
        return "a checkpoint of PyTorch", pytorch.read_legacy
    if caffe.resembles(start):
        return CAFFEMODEL, caffe.read
    raise ValueError(
        f"{path} is no file of weights that is known here: HDF5 (.h5), .keras, .npz, PyTorch's "
        f"(.pth), .safetensors or a .caffemodel. Received: {path.stat().st_size:,} bytes, the "
        f"first {start[:16]!r}"
    )


def _is_text(start):
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)  # which may be cut off
    except UnicodeDecodeError:
        return False
    return not any(sign < " " and sign not in "\t\n\r\f" for sign in text)


def _recognize_zip(path):
    with reading(path, "a zip archive"), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if "model.weights.h5" in names:
        return "a model of Keras (.keras)", hdf5.read_keras
    if any(pathlib.PurePosixPath(name).name == "data.pkl" for name in names):
        return "a checkpoint of PyTorch", pytorch.read
    if names and all(name.endswith(".npy") for name in names):
        return "arrays of NumPy (.npz)", npz.read
    raise ValueError(
        f"{path} is a zip archive, but holds neither a Keras model, nor a checkpoint of PyTorch, "
        f"nor NumPy's arrays. Received: {', '.join(names[:5]) or 'no file'}"
    )


@arguments()
def read(path: str | os.PathLike) -> dict[str, Any]:
    """All arrays of a weights file by their names in the file. No network is needed.

    Args:
        path: Path of a weights file of Keras (`.h5`, `.weights.h5`, `.keras`), of PyTorch
            (`.pth`, `.pt`, `.th`, `.safetensors`), a `.npz` or a `.caffemodel`. What the file
            is, is read from its content. Or the folder of a model of transformers, of a KerasHub
            preset, or of Keras.

    Returns:
        A dictionary from names to arrays. Of a caffemodel, it is a dictionary from names of
        layers to lists of their blobs.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or is no file of weights.
        ImportError: If the library of the format is missing; the message names the extra.

    Example:

    ```python
    import numpy as np

    from keras_classics import weights

    np.savez("mine.npz", kernel=np.ones((3, 2), "float32"))
    weights.read("mine.npz")["kernel"].shape  # (3, 2)
    ```
    """
    with open_weights(path) as file:
        arrays: dict[str, Any] = {}
        for array in file.arrays.values():
            with reading(file.path, file.kind):
                value = array.read()
            if file.kind == CAFFEMODEL:
                arrays.setdefault(array.name.rpartition("/")[0], []).append(value)
            else:
                arrays[array.name] = value
    return arrays
