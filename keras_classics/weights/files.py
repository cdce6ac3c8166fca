"""Files of weights: what one is, is read from its content; and its arrays, one by one.

A reader is a function from a path, and a stack of what is to be closed, to a `File`, whose
arrays state their shape and type before their numbers are read. It imports its format's library
itself. Where numbers lie in a file as they are, they are read from there, by `Part`, whatever
the library does: no library of these formats reads them faster, or takes less memory.
"""

import codecs
import contextlib
import io
import pathlib
import struct
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from keras_classics.weights.layouts import empty

HDF5, ZIP, NPY = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x93NUMPY"
PICKLE = b"\x80"  # and the number of the protocol: PyTorch until version 1.5
# Arrays that take more than so many times the bytes of their file are no weights.
EXPANSION, SMALL = 20, 2**26
MEMBERS = 10**5  # of a zip archive, at most
CAFFEMODEL = "a caffemodel"
FLOATS = ("float16", "bfloat16", "float32", "float64")
BLOCK = 2**20


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
    `path` and `kind`, a few words for what it is, are set where it is opened.
    """

    path = kind = None

    def __init__(self, arrays, structure=None, layers=None):
        self.arrays, self.structure, self.layers = arrays, structure, layers


class Part:
    """A stretch of a file: all of it, or a member of an archive that lies there as it is."""

    def __init__(self, stream, start, size):
        self._stream, self._start, self.size = stream, start, size

    def _seek(self, start, count):
        if start < 0 or count < 0 or start + count > self.size:
            raise ValueError(
                f"{count:,} bytes should be at byte {start:,}, and there are {self.size:,} in all: "
                "it is cut off or damaged"
            )
        self._stream.seek(self._start + start)

    def bytes(self, start, count):
        self._seek(start, count)
        return self._stream.read(count)

    def part(self, start, size):
        self._seek(start, size)
        return Part(self._stream, self._start + start, size)

    def numbers(self, start, shape, dtype):
        """The numbers that begin at `start`; those of bfloat16 as float32, which holds them."""
        if dtype == "bfloat16":
            return (self.numbers(start, shape, "<u2").astype("uint32") << 16).view("float32")
        array = empty(shape, dtype)
        self._seek(start, array.nbytes)
        if self._stream.readinto(array.reshape(-1).view("u1")) != array.nbytes:
            raise ValueError("it became shorter while it was read")
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def array(self, name, start, shape, dtype):
        """The `Array` whose numbers begin at `start`."""
        known = dtype if dtype == "bfloat16" else np.dtype(dtype).name
        return Array(name, shape, known, lambda: self.numbers(start, shape, dtype))

    def checksum(self):
        self._seek(0, self.size)
        block, crc, left = memoryview(bytearray(min(BLOCK, self.size))), 0, self.size
        while left and (count := self._stream.readinto(block[:left])):
            crc, left = zlib.crc32(block[:count], crc), left - count
        return crc


def whole(path, stack):
    """All of a file, as a `Part`."""
    return Part(stack.enter_context(path.open("rb")), 0, path.stat().st_size)


class Member(NamedTuple):
    """A member of a zip archive, and its bytes there, or `None` if these are compressed."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    stored: object

    def part(self):
        """Its bytes, which are unpacked, and checked, if they are compressed."""
        if self.stored:
            return self.stored
        content = self.archive.read(self.info)
        if len(content) != self.info.file_size:
            raise ValueError(f"{self.info.filename} is damaged: it has another size")
        return Part(io.BytesIO(content), 0, len(content))


def members(path, stack):
    """The `Member`s of a zip archive by name; those that are not compressed are undamaged."""
    file = whole(path, stack)
    archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(path.open("rb"))))
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    refuse_bomb(sum(info.file_size for info in infos), file.size)
    if len(infos) > MEMBERS:
        raise ValueError(f"it has {len(infos):,} members")
    found, end = {}, 0
    for info in infos:
        name, at = info.filename, info.header_offset
        if name in found or at < end or info.comment or archive.comment:
            raise ValueError(f"{name} is there twice, or within another member")
        archive.open(info).close()  # compares what the archive says of it in two places
        start = at + 30 + sum(struct.unpack("<HH", file.bytes(at + 26, 4)))
        end = start + info.compress_size
        part = file.part(start, info.compress_size)
        if info.compress_type == zipfile.ZIP_DEFLATED:
            part = None
        elif info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"{name} is compressed in a way that no file of weights is")
        elif part.checksum() != info.CRC:
            raise ValueError(f"{name} is damaged: its checksum is another")
        found[name] = Member(archive, info, part)
    return found


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
    if not path.is_file():
        raise ValueError(f"{path} is no regular file.")
    return _opened(path)


@contextlib.contextmanager
def _opened(path):
    kind, reader = _recognize(path)
    with contextlib.ExitStack() as stack:
        with reading(path, kind):
            file = reader(path, stack)
            file.path, file.kind = path, kind
        yield file


@contextlib.contextmanager
def reading(path, kind):
    """Whatever a format's library raises becomes a `ValueError` with the file and the reason."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # of zipfile, protobuf, torch, safetensors, NumPy
        reason = str(error).strip().split("\n")[0]
        if not isinstance(error, ValueError):
            reason = f"it is damaged ({type(error).__name__}: {reason})"
        raise ValueError(f"{path} cannot be read as {kind}: {reason}") from error


def refuse_bomb(total, size):
    """Fails where what a file holds is far larger than the file itself."""
    if total > max(SMALL, EXPANSION * size):
        raise ValueError(
            f"it would be {total:,} bytes, of a file of {size:,} bytes, which is no file of weights"
        )


def _recognize(path):
    """What a file is, in words, and its reader; fails on what is no file of weights."""
    from keras_classics.weights import caffe, hdf5, pytorch

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
        (
            start.startswith(NPY),
            "is one array of NumPy (.npy), perhaps a pickle, which could run code: save the arrays "
            "as .npz or .safetensors",
        ),
    ]:
        if is_this:
            raise ValueError(f"{path} {words}.")
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
    from keras_classics.weights import hdf5, npz, pytorch

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
            if file.kind == CAFFEMODEL:
                arrays.setdefault(array.name.rpartition("/")[0], []).append(value)
            else:
                arrays[array.name] = value
    return arrays
