"""Caffe's networks with their weights, `.caffemodel`.

A caffemodel is a message of Protocol Buffers, whose fields have the numbers of Caffe's public
format. The wire is read here, and not by protobuf, which would hold the numbers of all blobs
twice: a walk over the fields notes where the numbers lie, and `Part` reads them from there.
"""

import itertools
import math
import struct
from typing import NamedTuple

import numpy as np

from keras_classics.weights.formats.parts import File, open_part

# Types of fields on the wire; groups, 3 and 4, are not in these files.
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
# The fields of each message that are read: {number: name}.
CONVOLUTION = {5: "group", 6: "stride"}
LRN = {1: "local_size", 2: "alpha", 3: "beta", 5: "k"}
BLOB = {1: "num", 2: "channels", 3: "height", 4: "width", 5: "<f4", 7: "shape", 8: "<f8"}
SHAPE = {1: "dim"}
# Fields of the network that are layers: as before 2014, when types had numbers, and as since.
LAYERS = {
    2: {4: "name", 5: "type", 6: "blobs", 10: "convolution", 18: "lrn"},
    100: {1: "name", 2: "type", 7: "blobs", 106: "convolution", 118: "lrn"},
}
TYPES = {4: "Convolution", 14: "InnerProduct", 15: "LRN", 17: "Pooling"}
MOST_FIELDS, LONGEST = 200_000, 2**16


class Layer(NamedTuple):
    """What the file says of a layer beside its weights."""

    name: str
    type: str
    stride: int
    group: int
    lrn: tuple | None  # (k, alpha, beta, local_size)


class Field(NamedTuple):
    """A field of a message: the type on the wire, an integer, and where the content lies."""

    number: int
    wire: int
    value: int
    start: int
    end: int


def resembles(start):
    """Whether a file begins as a network does: with its name, or with a layer."""
    return start[:1] in (b"\x0a", b"\x12") or start[:2] == b"\xa2\x06"


def read(path, stack):
    """The `File` of a `.caffemodel`, of both forms of layers."""
    network = _Message(open_part(path, stack), itertools.repeat(None, MOST_FIELDS))
    arrays, structure = {}, []
    for field in network.fields(0, network.file.size):
        if field.number not in LAYERS:
            continue
        layer = network.message([field], LAYERS[field.number])
        name = network.text(layer["name"])
        structure.append(_layer(network, name, layer))
        for number, blob in enumerate(layer["blobs"]):
            key = f"{name}/{number}"
            if key in arrays:
                raise ValueError(f"two layers have the name {name}")
            arrays[key] = _array(network, key, network.message([blob], BLOB))
    if not arrays:
        raise ValueError("no layer has weights in it; a .prototxt has none either")
    return File(arrays, structure)


class _Message:
    """The messages of a file. All walks over them take their steps from one supply."""

    def __init__(self, file, steps):
        self.file, self._steps = file, steps

    def fields(self, start, end):
        """The `Field`s between two bytes, in their order."""
        while start < end:
            if next(self._steps, False) is False:
                raise ValueError(f"it has more than {MOST_FIELDS:,} fields")
            head = self.file.bytes(start, min(20, end - start))  # two numbers of up to ten bytes
            tag, at = _varint(head, 0)
            value, after = _varint(head, at) if tag & 7 in (VARINT, BYTES) else (0, at)
            size = {VARINT: 0, EIGHT_BYTES: 8, BYTES: value, FOUR_BYTES: 4}.get(tag & 7)
            if size is None or start + after + size > end:
                raise ValueError(f"it is damaged at byte {start:,}")
            content, start = start + after, start + after + size
            yield Field(tag >> 3, tag & 7, value, content, start)

    def message(self, parts, known):
        """The fields of a message, `{name: [Field, ...]}`, which can be in several parts."""
        found = {name: [] for name in known.values()}
        for part in parts:
            self._expect(part, BYTES)
            for field in self.fields(part.start, part.end):
                if field.number in known:
                    found[known[field.number]].append(field)
        return found

    def text(self, fields):
        return self._bytes(fields[-1]).decode() if fields else ""

    def integers(self, fields):
        """Signed integers, each in a field of its own or packed into one."""
        found = []
        for field in fields:
            if field.wire == VARINT:
                found.append(field.value)
                continue
            data, at = self._bytes(field), 0
            while at < len(data):
                value, at = _varint(data, at)
                found.append(value)
        return [value - 2**64 if value >= 2**63 else value for value in found]

    def integer(self, fields, default):
        return [default, *self.integers(fields)][-1]

    def number(self, fields, default):
        if not fields:
            return default
        self._expect(fields[-1], FOUR_BYTES)
        return struct.unpack("<f", self.file.bytes(fields[-1].start, 4))[0]

    def _bytes(self, field):
        """The content of a field that is no array of numbers."""
        self._expect(field, BYTES)
        if field.end - field.start > LONGEST:
            raise ValueError(
                f"it is damaged at byte {field.start:,}: a name or a shape is too long"
            )
        return self.file.bytes(field.start, field.end - field.start)

    def _expect(self, field, wire):
        if field.wire != wire:
            raise ValueError(f"it is damaged before byte {field.start:,}")


def _varint(data, at):
    """The number at a place of the wire, seven bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at : at + 1] or b"\xff"
        value, at = value | (byte[0] & 127) << shift, at + 1
        if byte[0] < 128:
            return value & 2**64 - 1, at
    raise ValueError("it is cut off or damaged")


def _layer(network, name, layer):
    """The `Layer` of its fields. What a file leaves out has Caffe's default."""
    given = layer["type"]
    if given and given[-1].wire == VARINT:
        kind = TYPES.get(given[-1].value, str(given[-1].value))
    else:
        kind = network.text(given)
    convolution = network.message(layer["convolution"], CONVOLUTION)
    strides, constants = network.integers(convolution["stride"]), None
    if kind == "LRN":
        lrn = network.message(layer["lrn"], LRN)
        constants = (
            network.number(lrn["k"], 1.0),
            network.number(lrn["alpha"], 1.0),
            network.number(lrn["beta"], 0.75),
            network.integer(lrn["local_size"], 5),
        )
    group = network.integer(convolution["group"], 1)
    return Layer(name, kind, strides[0] if strides else 1, group, constants)


def _array(network, key, blob):
    """The `Array` of the fields of a blob."""
    if blob["shape"]:
        shape = network.message(blob["shape"], SHAPE)["dim"]
        shape = tuple(network.integers(shape))
    else:  # always four, before 2014
        sides = ("num", "channels", "height", "width")
        shape = tuple(network.integer(blob[side], 0) for side in sides)
    numbers = [(dtype, field) for dtype in ("<f4", "<f8") for field in blob[dtype]]
    if len(numbers) != 1:
        raise ValueError(f"blob {key} has its numbers in {len(numbers)} pieces")
    ((dtype, field),) = numbers
    size, given = math.prod(shape) * np.dtype(dtype).itemsize, field.end - field.start
    if min(shape, default=0) < 0 or size != given:
        raise ValueError(f"blob {key} of shape {shape} has {given:,} bytes, and not {size:,}")
    return network.file.array(key, field.start, shape, dtype)
