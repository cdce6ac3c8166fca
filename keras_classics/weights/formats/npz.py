"""Arrays of NumPy, one a member of a zip archive."""

import math
import pathlib

import numpy as np

from keras_classics.weights.formats.parts import Array, File, members

# A `.npy` is one array, of objects where its header says so. That of the early ports to TensorFlow
# is a dictionary, {layer: [weights, biases]} or {layer: {"weights": ..., "biases": ...}}.
OBJECTS = b"'|O'"
CONVERT = """is a pickle in a file of NumPy (.npy), which could run code. If it is a dictionary of \
layers, as the early ports to TensorFlow saved one, these lines make arrays of it and call nothing \
else; take the new file:

    import codecs, pickle
    import numpy as np

    CALLS = {{
        ("multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): codecs.encode,
    }}

    class Arrays(pickle.Unpickler):
        def find_class(self, module, name):
            try:
                return CALLS[module.rpartition(".")[2], name]
            except KeyError:
                raise pickle.UnpicklingError(f"{{module}}.{{name}} is no array") from None

    with open({path!r}, "rb") as stream:
        np.lib.format.read_magic(stream)
        np.lib.format.read_array_header_1_0(stream)
        layers = Arrays(stream, encoding="latin1").load().item()
    arrays = {{}}
    for layer, pair in layers.items():
        weights, biases = (pair["weights"], pair["biases"]) if isinstance(pair, dict) else pair
        arrays |= {{f"{{layer}}/weights": weights, f"{{layer}}/biases": biases}}
    np.savez({new!r}, **arrays)
"""


def refusal(path):
    """What a `.npy` is, and what to do; the first bytes of the file say which."""
    path = pathlib.Path(path)
    with path.open("rb") as stream:
        if OBJECTS in stream.read(128):
            return CONVERT.format(path=str(path), new=str(path.with_suffix(".npz")))
    return (
        "is one array of NumPy (.npy). Save the arrays by their names where it was made, "
        "numpy.savez(path, **arrays), by the names of a library that is known here or of this "
        "network's weights (weight.path)."
    )


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
