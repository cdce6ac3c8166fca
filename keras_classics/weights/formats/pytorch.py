"""Checkpoints of PyTorch, as pickles of nothing but tensors, and as safetensors."""

import io
import math
import pathlib
import pickle
import pickletools
import re

import numpy as np

from keras_classics.checks import install
from keras_classics.weights.formats.parts import (
    SMALL_FLOATS,
    Array,
    File,
    Refused,
    itemsize,
    members,
    open_part,
    refuse_bomb,
)

DEEPEST = 3  # dictionaries within each other
# What a pickle of tensors calls. PyTorch allows more, with which a few bytes take all memory.
CALLS = re.compile(
    r"collections OrderedDict|torch(\.cuda)? \w+Storage|torch Size"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|tensor_v3|parameter)"
    r"|torch\.storage UntypedStorage|torch float8_(e4m3fn|e5m2)"
)
# What training programs save beside the tensors, and what PyTorch opens without running code.
ARGUMENTS = "argparse Namespace"
KNOWN = re.compile(r"torch (device|dtype|\w*(float|int|bool)\w*)|collections Counter")
RESAVE = """it is a pickle of more than tensors: the arguments of a program. Save the tensors \
alone, which runs no code of the file, and take the new file:

    import argparse, torch
    torch.serialization.add_safe_globals([argparse.Namespace])
    content = torch.load({path!r}, map_location="cpu", weights_only=True)
    tensors = {{
        key: value
        for key, value in content.items()
        for each in [value.values() if isinstance(value, dict) else [value]]
        if any(isinstance(one, torch.Tensor) for one in each)
    }}
    torch.save(tensors, {new!r})
"""
# Most of a pickle's operations, twice those of 1,202 layers; most bytes of a header.
OPCODES, HEADER = 500_000, 2**24
# The types of safetensors.
TYPES = {"BOOL": "?", "F16": "<f2", "BF16": "bfloat16", "F32": "<f4", "F64": "<f8"}
TYPES |= {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
TYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}


def read(path, stack):
    """The `File` of a `.pth` or `.pt`, a zip archive; one that would run code is refused."""
    load = _library(path)
    for name, member in members(path, stack).items():
        if member.stored is None:
            raise ValueError(f"{name} is compressed, as PyTorch compresses none")
        if pathlib.PurePosixPath(name.lower()).name == "data.pkl":
            _refuse_code(io.BytesIO(member.stored.bytes(0, member.stored.size)), path)
    return _tensors(load(str(path), map_location="cpu", weights_only=True, mmap=True), path)


def read_legacy(path, stack):
    """The `File` of a `.pth` or `.th` of PyTorch until 1.5: five pickles, and then the numbers."""
    load = _library(path)
    file = open_part(path, stack)
    pickles = io.BytesIO(file.bytes(0, min(file.size, 2**24)))
    for _ in range(5):
        _refuse_code(pickles, path)
    return _tensors(load(path, map_location="cpu", weights_only=True), path)


def _library(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes PyTorch: {install('torch')}. Or take the same weights as "
            ".safetensors."
        ) from error
    return torch.load


def _refuse_code(stream, path):
    """Refuses, before it is opened, a pickle that calls more than tensors need."""
    others = []
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if number > OPCODES:
            raise ValueError("its pickle is too long for one of tensors")
        if opcode.name == "PROTO" and argument > pickle.HIGHEST_PROTOCOL:
            raise ValueError(f"its pickle is of the unknown protocol {argument}")
        if opcode.name == "GLOBAL" and CALLS.fullmatch(argument):
            continue
        if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
            others.append(str(argument or opcode.name))
    unknown = [what for what in others if what != ARGUMENTS and not KNOWN.fullmatch(what)]
    if unknown:
        raise Refused(
            f"it is a pickle of more than tensors, which could run code: {unknown[0]}. Save the "
            "tensors alone where it was made: torch.save(model.state_dict(), path)"
        )
    if others:
        new = path.with_name(f"{path.stem}_tensors.pth")
        raise Refused(RESAVE.format(path=str(path), new=str(new)))


def _tensors(content, path):
    """The `File` of the tensors of a saved object, whatever else is in it."""
    import torch

    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, and no dictionary of tensors")
    tensors = _named(content, torch.Tensor, DEEPEST)
    if not tensors:
        keys = ", ".join(str(key)[:40] for key in list(content)[:10])
        raise ValueError(f"it holds no tensors by their names. Received: the keys {keys or 'none'}")
    for name, tensor in tensors.items():
        if not _dense(tensor):
            raise ValueError(
                f"{name} is not a whole array: its strides are {tensor.stride()} for the shape "
                f"{tuple(tensor.shape)}"
            )
    refuse_bomb(sum(tensor.nbytes for tensor in tensors.values()), path.stat().st_size)
    return File({name: _array(name, tensor) for name, tensor in tensors.items()})


def _named(content, kind, depth):
    """The tensors of dictionaries within each other, `{"model_ema.conv1.weight": tensor}`.

    If all, but for counters, are in one dictionary, the names are those in it.
    """
    own, inside = {}, {}
    for key, value in content.items():
        if isinstance(value, kind):
            own[str(key)] = value.detach()
        elif isinstance(key, str) and isinstance(value, dict) and depth > 1:
            inside[key] = _named(value, kind, depth - 1)
    inside = {key: found for key, found in inside.items() if found}
    if len(inside) == 1 and not any(tensor.ndim for tensor in own.values()):
        return next(iter(inside.values()))
    more = {f"{key}.{k}": tensor for key, found in inside.items() for k, tensor in found.items()}
    return own | more


def _dense(tensor):
    """Whether a tensor has all numbers of a stretch of memory, in any order of the axes."""
    size = 1
    for stride, side in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if side > 1 and stride != size:
            return False
        size *= side
    return True


def _array(name, tensor):
    dtype = str(tensor.dtype).removeprefix("torch.")

    def load():  # a copy: these may be pages of the file, which another program can change
        return np.array((tensor.float() if dtype in SMALL_FLOATS else tensor).numpy())

    return Array(name, tuple(tensor.shape), dtype, load)


def read_safetensors(path, stack):
    """The `File` of a `.safetensors`."""
    from safetensors import safe_open

    file = open_part(path, stack)
    start, arrays = 8 + int.from_bytes(file.bytes(0, 8), "little"), {}
    if start > HEADER:
        raise ValueError(f"its header would be {start:,} bytes long")
    # It refuses a file whose arrays overlap, have gaps, or do not end where the file ends.
    content = stack.enter_context(safe_open(path, "np"))
    for name in content.offset_keys():
        part = content.get_slice(name)
        shape, dtype = tuple(part.get_shape()), TYPES.get(part.get_dtype())
        if dtype is None:
            raise ValueError(f"{name} is of the type {part.get_dtype()}")
        arrays[name] = file.array(name, start, shape, dtype)
        start += math.prod(shape) * itemsize(dtype)
    return File(arrays)
