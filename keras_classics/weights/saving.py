"""Weights of a model in the files of other libraries."""

import os
import pathlib

import keras
import numpy as np

from keras_classics.atomic import atomic
from keras_classics.checks import TEXT, arguments
from keras_classics.weights.conventions import (
    first_kernel,
    groups,
    merged_kernels,
    refuse_changed,
)
from keras_classics.weights.layouts import REVERSED, chained
from keras_classics.weights.loading import check_channels
from keras_classics.weights.names import conventions_for


@arguments(convention=TEXT)
def save(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    convention: str,
    channels: str | None = None,
) -> None:
    """Writes the weights of a network so that another library's network takes them.

    `torch_model.load_state_dict(safetensors.torch.load_file(path))` takes those of torchvision,
    timm, akamaster and chenyaofo, `keras.applications.VGG16(weights=path)` those of Keras,
    `load_weights(path)` of a classifier or a backbone those of KerasHub, and `numpy.load(path)`
    reads the others. transformers takes a file `model.safetensors` in a folder:
    `ViTForImageClassification.from_pretrained(folder, config=config)`.

    `load` takes them all back, exactly. The one exception is a variance near 0 in a file for
    Keras, which adds another `epsilon` to it: it comes back to within 1e-15.

    Args:
        model: The network, as a builder of `keras_classics.applications` returns it.
        path: Path of the file, `.safetensors` or `.npz`, or for Keras and KerasHub `.h5`. An
            existing file is replaced when the new one is complete.
        convention: The library whose names and layouts the file has: `"torchvision"`, `"timm"`,
            `"transformers"`, `"vision_transformer"`, `"big_vision"`, `"akamaster"` and
            `"chenyaofo"` (CIFAR), `"tensorflow"` (its early ports of Caffe's networks), `"keras"`
            (keras.applications) or `"kerashub"`.
        channels: Order of the channels of the first kernel's input in the file, `"RGB"` or
            `"BGR"`. Default: that of the library; keras.applications has BGR.

    Adapters (LoRA) are merged into the kernels.

    Raises:
        ValueError: If the library has no such network, the message says what differs; or if the
            model was quantized.
        OSError: If the file cannot be written.

    Example:

    ```python
    from keras_classics import applications, weights

    model = applications.ResNetCIFAR(8)
    weights.save(model, "mine.npz", convention="akamaster")
    sorted(weights.read("mine.npz"))[:2]  # ["bn1.bias", "bn1.running_mean"]
    ```
    """
    check_channels(channels)
    refuse_changed(model, "save it before that", adapters=False)
    path = pathlib.Path(path).expanduser()
    ours = groups(model)
    known = {library: (family, each) for family, library, each in conventions_for(ours)}
    known = {library: found for library, found in known.items() if found[1].saved}
    if convention not in known:
        raise ValueError(
            f"`convention` must be that of a library with this network: "
            f"{', '.join(known) or 'there is none'}. Received: convention={convention!r} for "
            f"{model.name}. To load it here again, take model.save_weights"
        )
    family, each = known[convention]
    if path.suffix not in each.saved or path.name.endswith(".weights.h5"):
        raise ValueError(
            f"Weights by the names of {convention} are written as {' or '.join(each.saved)}, not "
            f".weights.h5. Received: path={str(path)!r}"
        )
    why = each.differs(model, None)
    if why:
        raise ValueError(f"{model.name} is not {convention}'s network: {why}.")
    names, arrays, merged = each.names(list(ours)), {}, merged_kernels(model)
    headed = any(name in ours for name in family.heads)
    for group in ours.values():
        before = each.body if headed and group.name not in family.heads else ""
        for name, source in each.library(group, names[group.name], each).items():
            variable = group.variables[name]
            value = keras.ops.convert_to_numpy(merged.get(id(variable), variable))
            layout = source.layout
            first = group.name == first_kernel(ours) and name == "kernel"
            if first and value.shape[-2] == 3 and (channels or each.channels) == "BGR":
                layout = chained(layout, REVERSED)
            for key, array in zip(source.keys, layout.save(value), strict=True):
                arrays[before + key] = np.ascontiguousarray(array)
    with atomic(path, unique=True) as part:
        if path.suffix == ".npz":
            with open(part, "wb") as stream:
                np.savez(stream, **arrays)  # type: ignore[arg-type]
        elif path.suffix == ".safetensors":
            from safetensors.numpy import save_file

            save_file(arrays, part, {"format": "pt"})  # which transformers asks for
        else:
            _write_h5(part, arrays, each)


def _write_h5(path, arrays, convention):
    """Writes the groups of a convention. Keras reads them in their order."""
    import h5py

    layers = {}
    for key in sorted(arrays, key=lambda key: int(key.rpartition("/")[2])):
        layers.setdefault(key.rpartition("/")[0], []).append(key)
    first = list(dict.fromkeys(key.rpartition("/")[0] for key in arrays))
    layers = {name: layers[name] for name in convention.ordered(first)}
    groups = convention.packed(layers) if convention.packed else layers
    with h5py.File(path, "w") as root:
        root.attrs["layer_names"] = [name.encode() for name in groups]
        if convention.packed:
            root.attrs["keras_version"] = keras.__version__.encode()
        for name, keys in groups.items():
            group = root.create_group(name)
            for key in keys:
                group.create_dataset(key, data=arrays[key])
            group.attrs["weight_names"] = [key.encode() for key in keys]
