"""Arrays of NumPy, one a member of a zip archive."""

import math

import numpy as np

from keras_classics.weights.formats.parts import Array, File, members


def read(path, stack):
    """The `File` of a `.npz`."""
    arrays = {}
    for file, member in members(path, stack).items():
        name = file.removesuffix(".npy")
        with member.archive.open(member.info) as stream:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"{name} is of the unknown version {version} of .npy")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            start = stream.tell()
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which could run code")
        size = start + dtype.itemsize * math.prod(shape)
        if min(shape, default=0) < 0 or size != member.info.file_size:
            raise ValueError(
                f"{name} has {member.info.file_size:,} bytes, and {size:,} by its header"
            )

        def load(member=member, start=start, shape=shape, dtype=dtype, fortran=fortran):
            if fortran:
                return member.part().numbers(start, shape[::-1], dtype).T
            return member.part().numbers(start, shape, dtype)

        arrays[name] = Array(name, shape, dtype.name, load)
    return File(arrays)
