"""The open file of weights: its arrays, and the stretches of bytes that they are read from.

An `Array` states its shape and type before its numbers are read. Where numbers lie in a file as
they are, `Part` reads them from there, and not the library of the format: no such library is
faster, or takes less memory.
"""

import contextlib
import functools
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_classics.weights.layouts import empty

# Arrays that take more than so many times the bytes of their file are no weights.
EXPANSION, SMALL = 20, 2**26
MEMBERS = 10**5  # of a zip archive, at most
# Types that NumPy has not: their numbers become float32, exactly.
SMALL_FLOATS = {"bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1}
FLOATS = ("float16", "float32", "float64", *SMALL_FLOATS)
BLOCK = LONGEST_CONFIG = 2**20


def itemsize(dtype):
    """The bytes of a number."""
    return SMALL_FLOATS.get(dtype) or np.dtype(dtype).itemsize


@functools.cache
def _float8(dtype):
    """The 256 numbers of a type, by their bytes (Micikevicius et al., 2022, table 1)."""
    octets = np.arange(256, dtype="uint16")
    if dtype == "float8_e5m2":  # the first byte of a float16
        return (octets << 8).view("float16").astype("float32")
    exponent, mantissa = (octets >> 3 & 15).astype("int32"), (octets & 7).astype("float32")
    small = exponent == 0  # and there is no infinity
    found = np.ldexp(np.where(small, mantissa, 8 + mantissa), np.where(small, 1, exponent) - 10)
    found[octets & 127 == 127] = np.nan
    return np.where(octets < 128, found, -found).astype("float32")


class Array(NamedTuple):
    """An array of a file: its name, shape and type in the file, and a function that reads it."""

    name: str
    shape: tuple
    dtype: str
    read: Callable[[], np.ndarray]


class File:
    """An open file of weights.

    Args:
        arrays: Its `Array`s by a key. Where a format counts the arrays of a layer instead of
            naming them (Caffe, Keras), the key is the layer's name and the number, `"conv1/0"`.
        structure: What the file says about the network: of a caffemodel its `caffe.Layer`s; of
            Keras's files `"old"` (Keras 1 and 2), `"legacy"` (Keras 3 in their way), `"flat"`, or
            `"nested"` if they hold a model within a model.
        layers: The names of all layers and their kinds, `{"conv2_1_add": "add"}`, if known; of
            several models, those of the one with most arrays.
        models: Of Keras's files, the model of each array, `{key: path of its group}`.

    The path of the file, and a few words for its format, `kind`, are set when it is opened.
    """

    path = kind = None

    def __init__(self, arrays, structure=None, layers=None, models=None):
        self.arrays, self.structure, self.layers = arrays, structure, layers
        self.models = models or {}

    @functools.cached_property
    def config(self):
        """What a `config.json` beside the file says of its network, `{}` without.

        transformers and KerasHub write it.
        """
        path = self.path.with_name("config.json")
        if not path.is_file() or path.stat().st_size > LONGEST_CONFIG:
            return {}
        try:
            found = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}, which says what network {self.path.name} is of, is damaged: {error}"
            ) from error
        return found if isinstance(found, dict) else {}


class Refused(ValueError):
    """A file could do harm. The message, of several lines, says what to do."""


class Part:
    """A stretch of bytes: a file, or an uncompressed member of an archive."""

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
        """The numbers that begin at `start`. Those of `SMALL_FLOATS` become float32, exactly."""
        if dtype == "bfloat16":
            return (self.numbers(start, shape, "<u2").astype("uint32") << 16).view("float32")
        if dtype in SMALL_FLOATS:
            return _float8(dtype)[self.numbers(start, shape, "u1")]
        array = empty(shape, dtype)
        self._seek(start, array.nbytes)
        if self._stream.readinto(array.reshape(-1).view("u1")) != array.nbytes:
            raise ValueError("it became shorter while it was read")
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def array(self, name, start, shape, dtype):
        """The `Array` whose numbers begin at `start`."""
        known = dtype if dtype in SMALL_FLOATS else np.dtype(dtype).name
        return Array(name, shape, known, lambda: self.numbers(start, shape, dtype))

    def checksum(self):
        self._seek(0, self.size)
        block, crc, left = memoryview(bytearray(min(BLOCK, self.size))), 0, self.size
        while left and (count := self._stream.readinto(block[:left])):
            crc, left = zlib.crc32(block[:count], crc), left - count
        return crc


def open_part(path, stack):
    """The `Part` that is all of a file."""
    return Part(stack.enter_context(path.open("rb")), 0, path.stat().st_size)


class Member(NamedTuple):
    """A member of a zip archive. `stored` are its bytes, or `None` if they are compressed."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    stored: Part | None

    def part(self):
        """The bytes of the member. Compressed ones are unpacked, and their checksum compared."""
        if self.stored:
            return self.stored
        content = self.archive.read(self.info)
        if len(content) != self.info.file_size:
            raise ValueError(f"{self.info.filename} is damaged: it has another size")
        return Part(io.BytesIO(content), 0, len(content))


def members(path, stack):
    """The `Member`s of a zip archive by name. The checksums of stored ones are compared."""
    file = open_part(path, stack)
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


@contextlib.contextmanager
def reading(path, kind):
    """Turns every error of a format's library into a `ValueError` with the file and the reason."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Refused as error:
        raise ValueError(f"{path} cannot be read as {kind}: {error}") from error
    except Exception as error:  # of zipfile, torch, safetensors, NumPy
        reason = str(error).strip().split("\n")[0]
        if not isinstance(error, ValueError):
            reason = f"it is damaged ({type(error).__name__}: {reason}). Download or save it again."
        raise ValueError(f"{path} cannot be read as {kind}: {reason}") from error


def refuse_bomb(total, size):
    """Refuses a file of `size` bytes that would take far more memory, `total` bytes."""
    if total > max(SMALL, EXPANSION * size):
        raise ValueError(
            f"it would be {total:,} bytes, of a file of {size:,} bytes, which is no file of weights"
        )
