"""Caffe's networks with their weights (`.caffemodel`), by a minimal schema of their messages.

The numbers of the fields are those of Caffe's public format. A blob's numbers, packed floats,
have on the wire the form of bytes, which NumPy takes as they are.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from keras_classics.weights.files import Array, File

# message: {field: (number, type)}; a type in brackets repeats.
SCHEMA = {
    "BlobShape": {"dim": (1, ["int64"])},
    "BlobProto": {
        "num": (1, "int32"),
        "channels": (2, "int32"),
        "height": (3, "int32"),
        "width": (4, "int32"),
        "data": (5, "bytes"),
        "shape": (7, "BlobShape"),
        "double_data": (8, "bytes"),
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
        "blobs": (7, ["BlobProto"]),
        "convolution_param": (106, "ConvolutionParameter"),
        "lrn_param": (118, "LRNParameter"),
    },
    "V1LayerParameter": {
        "name": (4, "string"),
        "type": (5, "int32"),
        "blobs": (6, ["BlobProto"]),
        "convolution_param": (10, "ConvolutionParameter"),
        "lrn_param": (18, "LRNParameter"),
    },
    "NetParameter": {
        "name": (1, "string"),
        "layers": (2, ["V1LayerParameter"]),
        "layer": (100, ["LayerParameter"]),
    },
}
V1_TYPES = {4: "Convolution", 14: "InnerProduct", 15: "LRN", 17: "Pooling"}


class Layer(NamedTuple):
    """What the file says of a layer beside its weights."""

    name: str
    type: str
    stride: int
    group: int
    lrn: object  # (k, alpha, beta, local_size), or None


@functools.cache
def message():
    """The protobuf class of a whole network."""
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
                one.type, one.type_name = field.TYPE_MESSAGE, f".keras_classics.caffe.{kind}"
            else:
                one.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(schema)
    network = pool.FindMessageTypeByName("keras_classics.caffe.NetParameter")
    return message_factory.GetMessageClass(network)


def resembles(start):
    """Whether a file begins as a network does: with its name, or with a layer."""
    return start[:1] in (b"\x0a", b"\x12") or start[:2] == b"\xa2\x06"


def read(path, stack):
    """The `File` of a `.caffemodel`, of both forms of layers."""
    try:
        network = message()()
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes protobuf: pip install 'keras-classics[caffe]'"
        ) from error
    network.ParseFromString(path.read_bytes())
    arrays, structure = {}, []
    for layer in (*network.layers, *network.layer):
        kind = V1_TYPES.get(layer.type, str(layer.type))
        stride = layer.convolution_param.stride
        lrn = layer.lrn_param
        structure.append(
            Layer(
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
        )
        for number, blob in enumerate(layer.blobs):
            key = f"{layer.name}/{number}"
            if key in arrays:
                raise ValueError(f"two layers have the name {layer.name}")
            arrays[key] = _array(key, blob)
    if not arrays:
        raise ValueError("no layer has weights in it; a .prototxt has none either")
    return File(path, "a caffemodel", arrays, structure)


def _array(key, blob):
    if blob.HasField("shape"):
        shape = tuple(blob.shape.dim)
    else:  # always four, before 2014
        shape = (blob.num, blob.channels, blob.height, blob.width)
    double = not len(blob.data)
    dtype = np.dtype("<f8" if double else "<f4")
    size = len(blob.double_data if double else blob.data)
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != size:
        raise ValueError(
            f"blob {key} of shape {shape} has {size} bytes of numbers instead of "
            f"{math.prod(shape) * dtype.itemsize}"
        )

    def load():
        numbers = blob.double_data if double else blob.data
        return np.frombuffer(numbers, dtype).reshape(shape)

    return Array(key, shape, str(dtype), load)
