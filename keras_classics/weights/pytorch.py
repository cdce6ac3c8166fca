"""Checkpoints of PyTorch, as pickles of nothing but tensors, and as safetensors."""

import zipfile

from keras_classics.weights.files import Array, File, check_archive

# Keys under which training programs keep the weights beside the rest.
WRAPPERS = ("state_dict", "model_state_dict", "model_ema", "model")


def read(path, stack):
    """The `File` of a `.pth`, `.pt` or `.th`; one that would run code is refused."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes PyTorch: pip install 'keras-classics[torch]'. Or take the same "
            "weights as .safetensors."
        ) from error
    import pickle

    archive = zipfile.is_zipfile(path)
    if archive:
        check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except pickle.UnpicklingError as error:
        raise ValueError(
            "it is a pickle of more than tensors, which could run code; "
            + str(error).strip().split("\n")[-1]
        ) from error
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, and no dictionary of tensors")
    return File(
        path,
        "a checkpoint of PyTorch",
        {
            str(name): Array(
                str(name),
                tuple(tensor.shape),
                str(tensor.dtype).removeprefix("torch."),
                lambda tensor=tensor: _numpy(tensor),
            )
            for name, tensor in content.items()
            if isinstance(tensor, torch.Tensor)
        },
    )


def _numpy(tensor):
    tensor = tensor.detach()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def read_safetensors(path, stack):
    """The `File` of a `.safetensors`."""
    import numpy as np

    try:
        from safetensors import safe_open
    except ImportError as error:
        raise ImportError(
            f"Reading {path} takes safetensors: pip install 'keras-classics[safetensors]'"
        ) from error
    content = stack.enter_context(safe_open(path, "np"))
    types = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}

    def array(name):
        part = content.get_slice(name)
        dtype = types.get(part.get_dtype(), part.get_dtype().lower())
        return Array(name, tuple(part.get_shape()), dtype, lambda: content.get_tensor(name))

    arrays = {name: array(name) for name in content.keys()}  # noqa: SIM118 it has no iterator
    odd = {a.dtype for a in arrays.values()} - {*types.values()}
    for name, each in arrays.items():
        if each.dtype in odd:  # counters above all
            code = {"i": "int", "u": "uint", "b": "bool"}.get(each.dtype[0], each.dtype)
            size = each.dtype[1:] if each.dtype[1:].isdigit() else ""
            np_name = "bool" if code == "bool" else f"{code}{size}"
            try:
                np.dtype(np_name)
            except TypeError as error:
                raise ValueError(f"{name} is of the type {each.dtype}") from error
            arrays[name] = each._replace(dtype=np_name)
    return File(path, "a safetensors file", arrays)
