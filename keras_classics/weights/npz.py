"""Arrays of NumPy, one a member of a zip archive."""

import zipfile

import numpy as np

from keras_classics.weights.files import Array, File

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read(path, stack):
    """The `File` of a `.npz`."""
    archive = stack.enter_context(zipfile.ZipFile(path))
    arrays = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        with archive.open(info) as stream:
            version = np.lib.format.read_magic(stream)
            if version not in HEADERS:
                raise ValueError(f"{name} is of the unknown version {version} of .npy")
            shape, _, dtype = HEADERS[version](stream)
            whole = stream.tell() + dtype.itemsize * int(np.prod(shape, dtype="int64"))
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which could run code")
        if whole != info.file_size:
            raise ValueError(f"{name} has {info.file_size} bytes, and {whole} in its header")
        if name in arrays:
            raise ValueError(f"{name} is there twice")

        def load(info=info):
            with archive.open(info) as stream:
                return np.lib.format.read_array(stream, allow_pickle=False)

        arrays[name] = Array(name, shape, str(dtype), load)
    return File(path, "arrays of NumPy (.npz)", arrays)
