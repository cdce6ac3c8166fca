"""Caffe's networks with their weights (`.caffemodel`), by a minimal schema of their messages.

The numbers of the fields are those of Caffe's public format. protobuf would hold the numbers of
all blobs twice; so we walk over the fields ourselves, note where the numbers are, and give
protobuf what else there is.
"""

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from keras_classics.weights.files import File, whole

# message: {field: (number, type)}; a type in brackets repeats.
SCHEMA = {
    "BlobShape": {"dim": (1, ["int64"])},
    "BlobProto": {
        "num": (1, "int32"),
        "channels": (2, "int32"),
        "height": (3, "int32"),
        "width": (4, "int32"),
        "shape": (7, "BlobShape"),
    },
    "ConvolutionParameter": {"group": (5, "uint32"), "stride": (6, ["uint32"])},
    "LRNParameter": {
        "local_size": (1, "uint32"),
        "alpha": (2, "float"),
        "beta": (3, "float"),
        "k": (5, "float"),
    },
    # Layers as of 2014, whose types are words; and before, when they had numbers.
    "LayerParameter": {
        "name": (1, "string"),
        "type": (2, "string"),
        "convolution_param": (106, "ConvolutionParameter"),
        "lrn_param": (118, "LRNParameter"),
    },
    "V1LayerParameter": {
        "name": (4, "string"),
        "type": (5, "int32"),
        "convolution_param": (10, "ConvolutionParameter"),
        "lrn_param": (18, "LRNParameter"),
    },
}
# Fields of the network that are layers, and which of theirs are blobs; fields of a blob that are
# numbers, packed.
LAYERS = {2: ("V1LayerParameter", 6), 100: ("LayerParameter", 7)}
NUMBERS = {5: "<f4", 8: "<f8"}
FIELDS, LONGEST = 200_000, 2**16
V1_TYPES = {4: "Convolution", 14: "InnerProduct", 15: "LRN", 17: "Pooling"}


class Layer(NamedTuple):
    """What the file says of a layer beside its weights."""

    name: str
    type: str
    stride: int
    group: int
    lrn: object  # (k, alpha, beta, local_size), or None


def resembles(start):
    """Whether a file begins as a network does: with its name, or with a layer."""
    return start[:1] in (b"\x0a", b"\x12") or start[:2] == b"\xa2\x06"


@functools.cache
def _messages():
    """The protobuf classes of the schema by their names."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    schema = descriptor_pb2.FileDescriptorProto(
        name="keras_classics/caffe.proto", package="keras_classics.caffe", syntax="proto2"
    )
    for name, fields in SCHEMA.items():
        described = schema.message_type.add(name=name)
        for label, (number, kind) in fields.items():
            repeated = isinstance(kind, list)
            (kind,) = kind if repeated else [kind]
            one = described.field.add(name=label, number=number)
            one.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if kind in SCHEMA:
                one.type, one.type_name = field.TYPE_MESSAGE, f".{schema.package}.{kind}"
            else:
                one.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(schema)
    found = {name: pool.FindMessageTypeByName(f"{schema.package}.{name}") for name in SCHEMA}
    return {name: message_factory.GetMessageClass(one) for name, one in found.items()}


def read(path, stack):
    """The `File` of a `.caffemodel`, of both forms of layers."""
    try:
        import google.protobuf  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes protobuf: pip install 'keras-classics[caffe]'"
        ) from error
    file, known = whole(path, stack), _messages()
    left = itertools.repeat(None, FIELDS)
    arrays, structure = {}, []
    for number, _, start, end in _fields(file, 0, file.size, left):
        if number not in LAYERS:
            continue
        kind, blobs = LAYERS[number]
        fields = list(_fields(file, start, end, left))
        layer = _parsed(known[kind], file, [field for field in fields if field[0] != blobs])
        structure.append(_layer(layer))
        places = [(start, end) for number, _, start, end in fields if number == blobs]
        for number, place in enumerate(places):
            key = f"{layer.name}/{number}"
            if key in arrays:
                raise ValueError(f"two layers have the name {layer.name}")
            fields = list(_fields(file, *place, left))
            rest = [field for field in fields if field[0] not in NUMBERS]
            blob = _parsed(known["BlobProto"], file, rest)
            arrays[key] = _array(file, key, blob, [f for f in fields if f[0] in NUMBERS])
    if not arrays:
        raise ValueError("no layer has weights in it; a .prototxt has none either")
    return File(arrays, structure)


def _fields(file, start, end, left):
    """The fields of a message, `(number, where it begins, where its content begins, and ends)`."""
    while start < end:
        if next(left, False) is False:
            raise ValueError(f"it has more than {FIELDS:,} fields")
        head = file.bytes(start, min(20, end - start))  # no number has more than ten bytes
        tag, at = _varint(head, 0)
        value, after = _varint(head, at) if tag & 7 in (0, 2) else (0, at)
        size = {0: 0, 1: 8, 2: value, 5: 4}.get(tag & 7)
        if size is None or start + after + size > end:
            raise ValueError(f"it is damaged at byte {start:,}")
        content = start + (after if tag & 7 == 2 else at)
        yield tag >> 3, start, content, start + after + size
        start += after + size


def _varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at : at + 1] or b"\xff"
        value, at = value | (byte[0] & 127) << shift, at + 1
        if byte[0] < 128:
            return value, at
    raise ValueError("it is cut off or damaged")


def _parsed(message, file, fields):
    """A message of some fields; what is longer than names and shapes is left out."""
    parsed = message()
    parsed.ParseFromString(
        b"".join(file.bytes(at, end - at) for _, at, _, end in fields if end - at < LONGEST)
    )
    return parsed


def _layer(layer):
    kind = V1_TYPES.get(layer.type, str(layer.type))
    stride, lrn = layer.convolution_param.stride, layer.lrn_param
    return Layer(
        layer.name,
        kind,
        stride[0] if stride else 1,
        layer.convolution_param.group or 1,
        (
            lrn.k if lrn.HasField("k") else 1.0,
            lrn.alpha if lrn.HasField("alpha") else 1.0,
            lrn.beta if lrn.HasField("beta") else 0.75,
            lrn.local_size or 5,
        )
        if kind == "LRN"
        else None,
    )


def _array(file, key, blob, numbers):
    if blob.HasField("shape"):
        shape = tuple(blob.shape.dim)
    else:  # always four, before 2014
        shape = (blob.num, blob.channels, blob.height, blob.width)
    if len(numbers) != 1:
        raise ValueError(f"blob {key} has its numbers in {len(numbers)} pieces")
    ((number, _, start, end),) = numbers
    size = math.prod(shape) * np.dtype(NUMBERS[number]).itemsize
    if min(shape, default=0) < 0 or size != end - start:
        raise ValueError(f"blob {key} of shape {shape} has {end - start:,} bytes, and not {size:,}")
    return file.array(key, start, shape, NUMBERS[number])
