"""Weights of a model in the files of other libraries."""

import os
import pathlib
import tempfile

import keras
import numpy as np

from keras_classics.weights.conventions import first_kernel, groups
from keras_classics.weights.layouts import REVERSED, chained
from keras_classics.weights.loading import FAMILIES, check_channels


def save(model, path, *, convention, channels=None):
    """Writes the weights of a network so that another library's network takes them.

    `torch_model.load_state_dict(safetensors.torch.load_file(path))` takes those of torchvision
    and timm, `keras.applications.VGG16(weights=path)` those of Keras, `numpy.load(path)` reads
    those of vision_transformer. `load` takes them all back, exactly. (But for variances near 0: the
    `epsilon` that Keras adds to them is another, and they are to within 1e-15.)

    Args:
        model: The network, as a builder of `keras_classics.applications` returns it.
        path: Path of the file to write; an existing one is replaced as a whole. `.safetensors`
            or `.npz`, or for Keras `.h5`.
        convention: Whose names and layouts: `"torchvision"`, `"timm"`, `"vision_transformer"`,
            `"big_vision"`, `"akamaster"` or `"keras"` (keras.applications).
        channels: Order of the channels of the input there, `"RGB"` or `"BGR"`. Default: the
            library's; keras.applications takes BGR.

    Raises:
        ValueError: If the library has no such network; the message says what differs.
    """
    check_channels(channels)
    path = pathlib.Path(path).expanduser()
    ours = groups(model)
    known = {
        name: each
        for family in FAMILIES
        for name, each in family.conventions.items()
        if each.saved and set(ours) <= set(each.names(list(ours)))
    }
    if convention not in known:
        raise ValueError(
            f"`convention` must be that of a library with this network: "
            f"{', '.join(known) or 'there is none'}. Received: convention={convention!r} for "
            f"{model.name}"
        )
    each = known[convention]
    if path.suffix not in each.saved or path.name.endswith(".weights.h5"):
        raise ValueError(
            f"Weights by the names of {convention} are written as {' or '.join(each.saved)}, not "
            f".weights.h5. Received: path={str(path)!r}"
        )
    why = each.differs(model, None)
    if why:
        raise ValueError(f"{model.name} is not {convention}'s network: {why}.")
    names, arrays = each.names(list(ours)), {}
    for group in ours.values():
        for name, source in each.library(group, names[group.name], each).items():
            value = keras.ops.convert_to_numpy(group.variables[name])
            layout = source.layout
            first = group.name == first_kernel(ours) and name == "kernel"
            if first and value.shape[-2] == 3 and (channels or each.channels) == "BGR":
                layout = chained(layout, REVERSED)
            for key, array in zip(source.keys, layout.save(value), strict=True):
                arrays[key] = np.ascontiguousarray(array)
    _write(path, arrays, _order(model, names) if path.suffix == ".h5" else None)


def _write(path, arrays, order):
    """Writes a file beside the path, and moves it there when it is whole."""
    folder = path.parent
    handle, part = tempfile.mkstemp(dir=folder, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        if path.suffix == ".npz":
            with open(part, "wb") as stream:
                np.savez(stream, **arrays)
        elif path.suffix == ".safetensors":
            _write_safetensors(part, arrays)
        else:
            _write_h5(part, arrays, order)
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_safetensors(path, arrays):
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        raise ImportError(
            "Writing .safetensors takes safetensors: pip install 'keras-classics[safetensors]'"
        ) from error
    save_file(arrays, path)


def _write_h5(path, arrays, order):
    """As keras.applications has it: a group for each layer, which Keras reads in their order."""
    import h5py

    with h5py.File(path, "w") as root:
        root.attrs["layer_names"] = [name.encode() for name in order]
        for layer in order:
            group = root.create_group(layer)
            mine = {k: v for k, v in arrays.items() if k.rpartition("/")[0] == layer}
            for key, array in mine.items():
                group.create_dataset(key.rpartition("/")[2], data=array)
            numbers = sorted(int(key.rpartition("/")[2]) for key in mine)
            group.attrs["weight_names"] = [str(number).encode() for number in numbers]


def _order(model, names):
    """Keras's names of the layers in the order of its network: the shortcut's first."""
    found = []
    for layer in model.layers:
        theirs = names.get(layer.name)
        if theirs and layer.weights:
            found.append(theirs if isinstance(theirs, str) else theirs[0])
    for at, name in enumerate(found[:-1]):
        if "_0_" in found[at + 1] and "_3_" in name:
            found[at : at + 2] = found[at + 1], name
    return found
