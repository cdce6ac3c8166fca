"""Weights from a file into a model: each array and each variable once, or none at all."""

import functools
import logging
import math
import os
import pathlib
import re
from typing import cast

import keras
import numpy as np

from keras_classics import backend, layers
from keras_classics.weights import catalogue, layouts
from keras_classics.weights.card import Card
from keras_classics.weights.conventions import (
    Convention,
    Family,
    Source,
    first_kernel,
    groups,
    own,
)
from keras_classics.weights.formats import open_weights
from keras_classics.weights.formats.parts import FLOATS, reading
from keras_classics.weights.names import conventions_for, families

PREFIXES = ("module.", "_orig_mod.", "params/", "opt/target/", "target/")
# What Flax's programs save beside the weights.
STATE = ("opt/", "extra/", "state/")
# Layers without weights. With them, the same weights are another network's.
WITHOUT_WEIGHTS = {
    "add": keras.layers.Add,
    "identity_shortcut2d": layers.IdentityShortcut2D,
    "local_response_normalization": layers.LocalResponseNormalization,
}
log = logging.getLogger("keras_classics")


def load(
    model: keras.Model,
    source: str | os.PathLike | Card,
    *,
    adapt: bool = False,
    channels: str | None = None,
    convention: str | None = None,
) -> keras.Model:
    """Loads published weights, or one's own, into a network of this library.

    Every array of the file and every variable of the model is used exactly once. All shapes are
    compared first: if anything does not fit, the model stays as it was. Only the arrays of a top
    that the model was built without are left out, and the log names them. The first kernel
    becomes one for RGB if the file has it for BGR, as Caffe and keras.applications do.

    Args:
        model: The network, as a builder of `keras_classics.applications` returns it.
        source: The name or the card of a release (`weights.cards()` lists them), which is
            downloaded; or the path of a file: Keras's `.h5`, `.weights.h5` or `.keras`,
            PyTorch's `.pth`, `.pt` or `.th`, `.safetensors`, `.npz` or `.caffemodel`. What a
            file is, is read from its content.
        adapt: Whether a file may be for another number of classes (the model's output layer
            stays as it is), of channels of the image (see `weights.layouts.other_channels`)
            or of patches of a Vision Transformer (its position embeddings are resized). The
            log says what was done.
        channels: Order of the channels of the first kernel's input in the file, `"RGB"` or
            `"BGR"`. Default: that of the convention.
        convention: The library whose names the weights have in the file: `"torchvision"`,
            `"keras"`, ... Default: that of the release; of a path, the one that has most of the
            names in the file.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or no file of weights; if its arrays and the model's
            variables are not the same, all of which are listed; or if they are, but the
            network is another one (its strides, its padding, its normalization).
        OSError: If a release cannot be downloaded.
        ImportError: If the library of the file's format is missing.

    Example:

    ```python
    from keras_classics import applications, weights

    trained = applications.ResNetCIFAR(8)
    trained.save_weights("mine.weights.h5")
    model = weights.load(applications.ResNetCIFAR(8), "mine.weights.h5")
    model = weights.load(applications.ResNetCIFAR(8, classes=3), "mine.weights.h5", adapt=True)
    ```
    """
    check_channels(channels)
    card = catalogue.resolve(source, model=model)
    if card is not None:
        source, convention = card.path(), convention or card.library
    path = pathlib.Path(cast(str, source))
    with open_weights(path) as file:
        plan = _Plan(model, file, adapt, channels, convention)
        values, messages = plan.read(), plan.messages
        summary = f"{len(plan.used)} arrays, by the names of {plan.library}"
    del plan, file  # they hold parts of the file in memory
    while values:  # the largest is assigned last, when the memory of the others is free again
        variable, value = values.pop()
        variable.assign(backend.adopt(value))
        del value
    for message in messages:
        log.warning("%s: %s", path.name, message)
    log.info("%s: %s", path.name, summary)
    return model


def check_channels(channels):
    if channels not in (None, "RGB", "BGR"):
        raise ValueError(f'`channels` must be "RGB" or "BGR". Received: channels={channels!r}')


class _Plan:
    """Which array of a file becomes which variable of a model, and how."""

    def __init__(self, model, file, adapt, channels, library):
        self.file, self.adapt, self.model = file, adapt, model
        self.groups = groups(model)
        share, self.library, self.family, convention, self.arrays = _recognize(
            model, self.groups, file, library
        )
        self.channels = channels or convention.channels
        self.messages, self.wrong, self.used, self.steps = [], [], set(), []
        if share > 1 / 3:  # with fewer names in common, the list of what is missing says more
            self._refuse_another_network(convention)
        self.names = convention.names(list(self.groups))
        for group in self.groups.values():
            sources = convention.library(group, self.names[group.name], convention)
            if len(sources) and not self._replaces(group, sources):
                for name, source in sources.items():
                    self._add(group, name, source)
        self._leave_out(convention)
        if self.wrong:
            raise ValueError(
                f"{file.path} ({file.kind}, by the names of {self.library}) does not fit "
                f"{model.name}, which stays as it was:\n  " + "\n  ".join(self.wrong) + self._hint()
            )

    def _refuse_another_network(self, convention):
        why = convention.differs(self.model, self.file)
        if why:
            raise ValueError(
                f"{self.file.path} is of another network than {self.model.name} "
                f"(the names are those of {self.library}): {why}."
            )
        if self.channels is None:
            raise ValueError(
                f"{self.file.path} has names of keras.applications, whose first kernel is for "
                'BGR, and of KerasHub, for RGB: say channels="BGR" or channels="RGB".'
            )

    def _add(self, group, name, source):
        """Notes how one variable of the model is made, or why it cannot be."""
        variable = group.variables[name]
        keys = [key for key in source.keys if key in self.arrays]
        least = len(source.keys) - source.optional
        here = f"{group.name}/{name} {_shape(variable.shape)} here"
        missing = [key for key in source.keys[:least] if key not in self.arrays]
        if missing:
            self.wrong.append(f"{here}: {' and '.join(missing)} missing there")
            return
        self.used.update(keys)
        found = [self.arrays[key] for key in keys]
        there = " and ".join(f"{array.name} {_shape(array.shape)}" for array in found)
        odd = [array for array in found if array.dtype not in FLOATS]
        if odd:
            self.wrong.append(f"{here}: {there} there, of the type {odd[0].dtype}")
            return
        source = self._first_kernel(group, name, source, found)
        expected = [part.shape for part in source.layout.save(_blank(variable.shape))]
        fits = [
            layouts.same_numbers(array.shape, shape)
            for array, shape in zip(found, expected, strict=False)
        ]
        if not all(fits):
            resized = self._positions(group, variable, source, found)
            if not resized:
                self.wrong.append(f"{here}: {there} there")
                return
            source, expected = resized
        self.steps.append((f"{group.name}/{name}", variable, source, found, expected))

    def _first_kernel(self, group, name, source, found):
        """The layout of the first kernel: for RGB, and for the model's number of channels."""
        shape = group.variables[name].shape
        first = name == "kernel" and group.name == first_kernel(self.groups)
        if not first or len(shape) != 4 or len(found[0].shape) != 4:
            return source
        theirs = source.layout.load(_blank(found[0].shape)).shape
        if theirs[:2] + theirs[3:] != shape[:2] + shape[3:]:
            return source
        layout, old, new = source.layout, theirs[2], shape[2]
        if old == 3 and self.channels == "BGR":
            layout = layouts.chained(layout, layouts.REVERSED)
            log.info("%s: the first kernel, for BGR, was turned into one for RGB", group.name)
        # A kernel that is standardized would be another for a grey image.
        if old != new and self.adapt and not isinstance(group.layer, layers.StandardizedConv2D):
            self.messages.append(f"the first kernel, for {old} channels, was made one for {new}")
            layout = layouts.chained(
                layout,
                layouts.Layout(
                    lambda kernel: layouts.other_channels(kernel, new),
                    lambda kernel: [_blank(theirs)],
                ),
            )
        return source._replace(layout=layout)

    def _positions(self, group, variable, source, found):
        """The layout of position embeddings of another grid, or `None`."""
        embedding = isinstance(group.layer, layers.PositionEmbedding)
        if not embedding or not self.adapt or variable.shape[-1] != found[0].shape[-1]:
            return None
        old = math.prod(found[0].shape[:-1])
        token = any(isinstance(layer, layers.ClassToken) for layer in self.model.layers)
        side = math.isqrt(old - token)
        if side * side + token != old:
            return None
        patches = next(e for e in self.model.layers if isinstance(e, layers.PatchEmbedding))
        self.messages.append(
            f"the position embeddings of {side}x{side} patches were resized to "
            f"{patches.grid[0]}x{patches.grid[1]}"
        )
        shape = (old, variable.shape[-1])
        layout = layouts.Layout(
            lambda array: layers.resize_positions(array, patches.grid, (side, side)), None
        )
        return Source(source.keys, layout), [shape]

    def _replaces(self, group, sources):
        """Whether a group is an output layer for other classes, which stays as it is."""
        if not self.adapt or group.name not in self.family.heads or "kernel" not in sources:
            return False
        keys = [key for source in sources.values() for key in source.keys]
        if any(key not in self.arrays for key in keys):
            return False
        kernel = group.variables["kernel"].shape
        shape = self.arrays[keys[0]].shape
        if len(shape) < 2 or math.prod(shape[:-2]) != 1:
            return False
        theirs = sources["kernel"].layout.load(_blank(shape[-2:])).shape
        if theirs[0] != kernel[0] and not self.family.replaces_top:
            return False
        if theirs[1] == kernel[1]:
            return False
        self.used.update(keys)
        self.messages.append(
            f"{group.name} stays as it is, for {kernel[-1]} classes; the file has {theirs[-1]}"
        )
        self.replaced = True
        return True

    replaced = False

    def _leave_out(self, convention):
        """Leaves out arrays of a top that the model was built without, and refuses others."""
        left = {}
        optional = set(self.family.helpers)
        if self.replaced or self.family.heads[0] not in self.groups:
            optional |= {*self.family.heads, *self.family.top}
        absent = {name: theirs for name, theirs in self.names.items() if name in optional}
        for key, array in self.arrays.items():
            if key in self.used or re.search(convention.unused, key):
                continue
            name = next((ours for ours, theirs in absent.items() if _of(key, theirs)), None)
            if name and name not in self.groups:
                left[name] = True
                self.used.add(key)
            else:
                name = key if "/vars/" in array.name else array.name  # Keras's are by classes
                self.wrong.append(f"nothing here: {name} {_shape(array.shape)} there")
        if left:
            self.messages.append(f"{', '.join(left)} left out: the model is without")

    def _hint(self):
        if self.adapt:
            return ""
        return (
            "\nIf it is the same network, for another number of classes, of channels or of "
            "patches: adapt=True."
        )

    def read(self):
        """`(variable, new value)` of all variables, the largest first."""
        values = []
        for name, variable, source, found, expected in sorted(
            self.steps, key=lambda step: -math.prod(step[1].shape)
        ):
            arrays = []
            for array, shape in zip(found, expected, strict=False):
                with reading(self.file.path, self.file.kind):
                    arrays.append(_floats(array.read()).reshape(shape))
            value = layouts.contiguous(source.layout.load(*arrays))
            del arrays
            if value.shape != tuple(variable.shape):  # a fault of this library, not of the file
                raise AssertionError(f"{name} {variable.shape} would be {value.shape}")
            if not np.isfinite(np.min(value)) or not np.isfinite(np.max(value)):
                raise ValueError(
                    f"{self.file.path} is damaged: {found[0].name}, for {name}, has values that "
                    "are not finite."
                )
            values.append((variable, value))
        return values


def _recognize(model, own_groups, file, library=None):
    """The convention of a file: that of a library, or the one that has most of its names.

    Returns how many of the names that it needs are in the file, as a share of all, the library's
    name, the family, the convention, and the file's arrays.
    """
    known = conventions_for(own_groups)
    known += [(own_family(), *each) for each in own_family().conventions.items()]
    if library is not None and library not in [each for _, each, _ in known]:
        raise ValueError(
            "`convention` must be that of a library with this network: "
            f"{', '.join(dict.fromkeys(each for _, each, _ in known))}. Received: "
            f"convention={library!r} for {model.name}"
        )
    candidates = []
    for family, each, convention in known:
        if library not in (None, each) or not convention.matches(file):
            continue
        names = convention.names(list(own_groups))
        wanted = {
            key
            for group in own_groups.values()
            for source in convention.library(group, names[group.name], convention).values()
            for key in source.keys[: len(source.keys) - source.optional]
        }
        arrays = _renamed(file.arrays, convention)
        share = len(wanted & set(arrays)) / max(len(wanted), 1)
        candidates.append((share, each, family, convention, arrays))
    # Without their tops, networks of two libraries can have the same names.
    best = max(
        candidates,
        key=lambda found: (found[0], found[3].differs(model, file) is None),
        default=(0,),
    )
    if not best[0]:
        some = [f"{array.name} {_shape(array.shape)}" for array in file.arrays.values()][:4]
        where = f"in {library}" if library else "here or in other libraries"
        raise ValueError(
            f"{file.path} ({file.kind}) has none of the names that the weights of this network "
            f"have, {where}: it is another network's. Received: "
            f"{len(file.arrays)} arrays, {', '.join(some)}, ..."
        )
    return best


def _renamed(arrays, convention):
    """The arrays of a file by today's names, without the prefixes of training programs."""
    for prefix in PREFIXES:
        inside = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        if inside and all(key.startswith((prefix, *STATE)) for key in arrays):
            arrays = inside
    for pattern, replacement in convention.renamed.items():
        arrays = {re.sub(pattern, replacement, key): array for key, array in arrays.items()}
    return arrays


def _differs_in_layers(model, file):
    """The reason why one of our own files is of another network with the same weights."""
    for layer in model.layers:
        key = f"{layer.name}/strides"
        if key in file.arrays:
            with reading(file.path, file.kind):
                theirs = tuple(int(s) for s in file.arrays[key].read().reshape(2))
            if theirs != layer.strides:
                return (
                    f"these weights were made for a stride of {theirs[0]} in {layer.name}, which "
                    f"has {layer.strides[0]} here: build a network with the depth and the "
                    "stride_in that the weights were made with"
                )
    if file.layers is None:
        return None
    kinds = tuple(WITHOUT_WEIGHTS.values())
    here = {layer.name for layer in model.layers if isinstance(layer, kinds)}
    there = {name for name, kind in file.layers.items() if kind in WITHOUT_WEIGHTS}
    other = sorted(here ^ there)
    if other:
        return f"only one of both has the layers {', '.join(other[:5])}"
    return None


@functools.cache
def own_family():
    """The `Family` of this library's own files, which can be of any network."""
    heads, top, helpers = (
        tuple(
            dict.fromkeys(name for family in families().values() for name in getattr(family, part))
        )
        for part in ("heads", "top", "helpers")
    )
    convention = Convention(
        own,
        lambda ours: {name: name for name in (*ours, *heads, *top, *helpers)},
        matches=lambda file: isinstance(file.structure, str),
        unused=r"/strides$",
        differs=_differs_in_layers,
    )
    return Family(
        {"keras_classics": convention}, heads=heads, top=top, helpers=helpers, replaces_top=True
    )


def _of(key, theirs):
    """Whether the key of an array is one of a library's layer, or layers."""
    if isinstance(theirs, dict):
        return key in theirs.values()
    modules = (theirs,) if isinstance(theirs, str) else theirs
    return any(key == m or key.startswith((f"{m}.", f"{m}/")) for m in modules)


def _blank(shape):
    """An array of a shape that takes no memory."""
    return np.broadcast_to(np.float32(0), tuple(shape))


def _floats(array):
    array = np.asarray(array)
    return array if array.dtype == "float32" else array.astype("float32")


def _shape(shape):
    return f"({', '.join(map(str, shape))})"
