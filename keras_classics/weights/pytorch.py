"""Checkpoints of PyTorch, as pickles of nothing but tensors, and as safetensors."""

import io
import math
import pathlib
import pickle
import pickletools
import re

import numpy as np

from keras_classics.weights.files import Array, File, members, refuse_bomb, whole

# Keys under which training programs keep the weights beside the rest.
WRAPPERS = ("state_dict", "model_state_dict", "model_ema", "model")
# What a pickle of tensors calls. PyTorch allows more, with which a few bytes take all memory.
CALLS = re.compile(
    r"collections OrderedDict|torch(\.cuda)? \w+Storage|torch Size"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter)"
)
OPCODES, HEADER = 10**6, 2**24
# Of safetensors, by which numbers lie there.
TYPES = {"BOOL": "?", "F16": "<f2", "BF16": "bfloat16", "F32": "<f4", "F64": "<f8"}
TYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}


def read(path, stack):
    """The `File` of a `.pth` or `.pt`, a zip archive; one that would run code is refused."""
    load = _library(path)
    for name, member in members(path, stack).items():
        if member.stored is None:
            raise ValueError(f"{name} is compressed, as PyTorch compresses none")
        if pathlib.PurePosixPath(name.lower()).name == "data.pkl":
            _refuse_code(io.BytesIO(member.stored.bytes(0, member.stored.size)))
    return _tensors(load(str(path), map_location="cpu", weights_only=True, mmap=True), path)


def read_legacy(path, stack):
    """The `File` of a `.pth` or `.th` of PyTorch until 1.5: five pickles, and then the numbers."""
    load = _library(path)
    file = whole(path, stack)
    pickles = io.BytesIO(file.bytes(0, min(file.size, 2**24)))
    for _ in range(5):
        _refuse_code(pickles)
    return _tensors(load(path, map_location="cpu", weights_only=True), path)


def _library(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes PyTorch: pip install 'keras-classics[torch]'. Or take the same "
            "weights as .safetensors."
        ) from error
    return torch.load


def _refuse_code(stream):
    """Fails on a pickle that calls anything which tensors do not need, before it is opened."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if number > OPCODES:
            raise ValueError("its pickle is too long for one of tensors")
        if opcode.name == "PROTO" and argument > pickle.HIGHEST_PROTOCOL:
            raise ValueError(f"its pickle is of the unknown protocol {argument}")
        if opcode.name == "GLOBAL" and CALLS.fullmatch(argument):
            continue
        if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
            what = argument or opcode.name
            raise ValueError(f"it is a pickle of more than tensors, which could run code: {what}")


def _tensors(content, path):
    """The tensors of an object that was saved, which may keep other things beside."""
    import torch

    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, and no dictionary of tensors")
    tensors = {str(k): v.detach() for k, v in content.items() if isinstance(v, torch.Tensor)}
    for name, tensor in tensors.items():
        if not _dense(tensor):
            raise ValueError(
                f"{name} is not a whole array: its strides are {tensor.stride()} for the shape "
                f"{tuple(tensor.shape)}"
            )
    refuse_bomb(sum(tensor.nbytes for tensor in tensors.values()), path.stat().st_size)
    return File({name: _array(name, tensor) for name, tensor in tensors.items()})


def _dense(tensor):
    """Whether the numbers are all those of a stretch of memory, in any order of the axes."""
    whole = 1
    for stride, side in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if side > 1 and stride != whole:
            return False
        whole *= side
    return True


def _array(name, tensor):
    dtype = str(tensor.dtype).removeprefix("torch.")

    def load():  # a copy, as these may be pages of the file, which another program can change
        return np.array((tensor.float() if dtype == "bfloat16" else tensor).numpy())

    return Array(name, tuple(tensor.shape), dtype, load)


def read_safetensors(path, stack):
    """The `File` of a `.safetensors`."""
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes safetensors: pip install 'keras-classics[safetensors]'"
        ) from error
    file = whole(path, stack)
    start, arrays = 8 + int.from_bytes(file.bytes(0, 8), "little"), {}
    if start > HEADER:
        raise ValueError(f"its header would be {start:,} bytes long")
    content = stack.enter_context(safe_open(path, "np"))  # which fails on a gap or an overlap
    for name in content.offset_keys():
        part = content.get_slice(name)
        shape, dtype = tuple(part.get_shape()), TYPES.get(part.get_dtype())
        if dtype is None:
            raise ValueError(f"{name} is of the type {part.get_dtype()}")
        arrays[name] = file.array(name, start, shape, dtype)
        start += math.prod(shape) * (2 if dtype == "bfloat16" else np.dtype(dtype).itemsize)
    if start != file.size:
        raise ValueError(f"its arrays end at byte {start:,} of {file.size:,}")
    return File(arrays)
