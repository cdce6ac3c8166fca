"""Weights from a file into a model: each array and each variable once, or none at all."""

import functools
import itertools
import logging
import math
import os
import pathlib
import re
from typing import NamedTuple, cast

import keras
import numpy as np

from keras_classics import backend, layers
from keras_classics.checks import TEXT, arguments, optional
from keras_classics.layers.position_embedding_2d import resize_line
from keras_classics.tables import counted
from keras_classics.weights import catalogue, layouts
from keras_classics.weights.card import MEAN, OWN, Card
from keras_classics.weights.conventions import (
    Convention,
    Family,
    Source,
    first_kernel,
    groups,
    named,
    own,
    refuse_changed,
)
from keras_classics.weights.formats import open_weights
from keras_classics.weights.formats.parts import FLOATS, reading
from keras_classics.weights.names import conventions_for, families

# Where a name can begin within a longer one.
STARTS = re.compile(r"^|[./]")
# What training programs save beside the weights.
STATE = re.compile(r"(opt|extra|state|optimizers?|optimizer_states?|lr_schedulers?|scaler)[./]")
# Layers without weights. With them, the same weights are another network's.
WITHOUT_WEIGHTS = {
    "add": keras.layers.Add,
    "identity_shortcut2d": layers.IdentityShortcut2D,
    "local_response_normalization": layers.LocalResponseNormalization,
}
ALL = ("channels", "classes", "top")  # what may differ in a file
SHOWN = 10  # weights of each kind that a message names
NOTHING = "nothing here"
log = logging.getLogger("keras_classics")


@arguments(convention=optional(TEXT))
def load(
    model: keras.Model,
    source: str | os.PathLike | Card,
    *,
    adapt: bool = False,
    channels: str | None = None,
    convention: str | None = None,
    key: str | None = None,
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
            PyTorch's `.pth`, `.pt`, `.th` or `.bin`, `.safetensors`, `.npz` or `.caffemodel`.
            What a file is, is read from its content. Or the folder of a model of transformers, of
            a KerasHub preset, or of Keras.
        adapt: Whether a file may be for another number of classes, or have no top or another
            one (the model's output layer, or its top, stays as it is); of channels of the image
            (see `weights.layouts.other_channels`); or of patches of a Vision Transformer (its
            position embeddings are resized). The log says what was done.
        channels: Order of the channels of the first kernel's input in the file, `"RGB"` or
            `"BGR"`. Default: that of the convention.
        convention: The library whose names the weights have in the file: `"torchvision"`,
            `"keras"`, ... Default: that of the release; of a path, the one that has most of the
            names in the file.
        key: The part of the file with the network, where it is there several times:
            `"model_ema"`, `"student"`, what the names begin with. The other parts are not read.

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
    return load_file(model, source, ALL if adapt else (), channels, convention, key)


def load_file(model, source, adapts=(), channels=None, convention=None, key=None):
    """`load` from a path.

    Args:
        model, source, channels, convention, key: As of `load`.
        adapts: What may differ in the file, of `ALL`: channels of the image and patches; classes;
            the top, of which the file may have none, or another one.
    """
    refuse_changed(model, "load its weights before that")
    path = pathlib.Path(cast(str, source))
    with open_weights(path) as file:
        plan = _Plan(model, file, adapts, channels, convention, key)
        values, messages = plan.read(), plan.messages
        summary = f"{len(plan.used)} arrays{plan.where}, by the names of {plan.library}"
    del plan, file  # they hold parts of the file in memory
    while values:  # the largest is assigned last, when the memory of the others is free again
        variable, value = values.pop()
        variable.assign(backend.adopt(value))
        del value
    log.log(
        logging.WARNING if messages else logging.INFO,
        "%s: %s",
        path.name,
        "; ".join([summary, *messages]),
    )
    return model


def check_channels(channels):
    if channels not in (None, "RGB", "BGR"):
        raise ValueError(f'`channels` must be "RGB" or "BGR". Received: channels={channels!r}')


class _Plan:
    """Which array of a file becomes which variable of a model, and how."""

    def __init__(self, model, file, adapts, channels, library, key=None):
        self.file, self.adapts, self.model = file, adapts, model
        self.groups = groups(model)
        found = _recognize(model, self.groups, file, library, key)
        self.library, self.family, self.arrays = found.library, found.family, found.arrays
        convention, self.where = found.convention, found.where
        self.channels = channels or convention.channels
        self.messages, self.wrong, self.used, self.steps = [], [], set(), []
        few = found.share <= 1 / 3
        if not few:  # with few names in common, what is missing says more
            self._refuse_another_network(convention)
            if warning := convention.warns(model, file):
                self.messages.append(warning)
        self.names = convention.names(list(self.groups))
        sources = {
            name: convention.library(group, self.names[name], convention)
            for name, group in self.groups.items()
        }
        self.kept = self._keep_top(sources)
        for name, group in self.groups.items():
            if name not in self.kept:
                for weight, source in sources[name].items():
                    self._add(group, weight, source)
        self._leave_out(convention)
        if self.wrong:
            raise ValueError(
                f"{file.path} ({file.kind}, by the names of {self.library}) does not fit "
                f"{model.name}, which stays as it was:\n  "
                + "\n  ".join(_first(self.wrong))
                + (_advice(model, file, library) if few else self._hint(channels, library, key))
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
                f"{self.file.path} has names of {convention.unsure}: "
                'say channels="BGR" or channels="RGB", as '
                'keras_classics.weights.load(model, path, channels="BGR", adapt=True).'
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
        standardized = isinstance(group.layer, layers.StandardizedConv2D)
        if old != new and "channels" in self.adapts and not standardized:
            self.messages.append(
                f"the first kernel, for {counted(old, 'channel')}, was made one for {new}"
            )
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
        if "channels" in self.adapts and isinstance(group.layer, layers.PositionEmbedding2D):
            return self._line_of_positions(variable, source, found)
        resized = "channels" in self.adapts and isinstance(group.layer, layers.PositionEmbedding)
        if not resized or variable.shape[-1] != found[0].shape[-1]:
            return None
        old = math.prod(found[0].shape[:-1])
        token = any(isinstance(layer, layers.ClassToken) for layer in self.model.layers)
        side = math.isqrt(old - token)
        if side * side + token != old:
            return None
        patches = next(e for e in self.model.layers if isinstance(e, layers.PatchEmbedding))
        self._say_once(
            f"the position embeddings of {side}x{side} patches were resized to "
            f"{patches.grid[0]}x{patches.grid[1]}"
        )
        shape = (old, variable.shape[-1])
        layout = layouts.Layout(
            lambda array: layers.resize_positions(array, patches.grid, (side, side)), None
        )
        return Source(source.keys, layout), [shape]

    def _line_of_positions(self, variable, source, found):
        """The same of 2-D ones, whose columns and rows have a list each."""
        (old, width), (new, ours) = found[0].shape, variable.shape
        if width != ours:
            return None
        self._say_once(f"the position embeddings of {old} columns or rows were resized to {new}")
        layout = layouts.Layout(lambda array: resize_line(array, new), None)
        return Source(source.keys, layout), [(old, width)]

    def _say_once(self, message):
        """Of layers that each have position embeddings, one message is enough."""
        if message not in self.messages:
            self.messages.append(message)

    def _keep_top(self, sources):
        """The groups of the top that stay as they are, for the file has none or other classes."""
        heads = [name for name in self.family.heads if name in sources]
        kept = [name for name in heads if self._stays(self.groups[name], sources[name])]
        if kept and "top" in self.adapts:  # the layers below it, too, if the file has none of them
            top = [n for n in self.family.top if n in sources and self.groups[n].is_dense]
            below = (*top, *(name for name in self.family.helpers if name in sources))
            kept += [n for n in below if n not in kept and self._is_absent(sources[n])]
        absent = [name for name in kept if self._is_absent(sources[name])]
        if absent:
            verb = "stays as it is" if len(absent) == 1 else "stay as they are"
            self.messages.append(f"{', '.join(absent)} {verb}: the file is without")
        return kept

    def _is_absent(self, sources):
        """Whether the file has nothing of a dense layer."""
        keys = [key for source in sources.values() for key in source.keys]
        return not any(key in self.arrays for key in keys)

    def _stays(self, group, own):
        """Whether an output layer stays as it is: the file has none, or one of other classes."""
        if self._is_absent(own):
            return "top" in self.adapts
        theirs, ours = _outputs(own, self.arrays), group.layer.output.shape[-1]
        if "classes" not in self.adapts or theirs in (None, ours):
            return False
        self.used.update(key for source in own.values() for key in source.keys)
        self.messages.append(
            f"{group.name} stays as it is, for {ours} classes; the file has {theirs}"
        )
        return True

    def _leave_out(self, convention):
        """Leaves out arrays of a top that the model was built without, and refuses others."""
        left, others = {}, {}
        optional = set(self.family.helpers)
        headless = not any(name in self.groups for name in self.family.heads)
        if self.kept or headless:
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
                others[key] = array
        if others and "top" in self.adapts and (self.kept or headless) and self._is_top(others):
            left |= {re.split(r"[./][^./]*$", key)[0]: True for key in others}
            self.used.update(others)
            others = {}
        for key, array in others.items():
            name = key if "/vars/" in array.name else array.name  # Keras's are by classes
            self.wrong.append(f"{NOTHING}: {name} {_shape(array.shape)} there")
        if left:
            self.messages.append(f"{', '.join(left)} left out: the model is without")

    def _is_top(self, others):
        """Whether arrays can be another top: dense layers that read what this network's reads.

        Their names must begin otherwise than those of the network below, which could be deeper.
        """

        def word(key):
            return re.split(r"[\W\d_]", key)[0]

        words = {word(key) for key in self.used}
        shapes = [array.shape for array in others.values()]
        if any(word(key) in words for key in others) or max(map(len, shapes)) > 2:
            return False
        if self.kept:
            first = next(group for name, group in self.groups.items() if name in self.kept)
            features = first.maps[2] if first.maps else first.layer.input.shape[-1]
        else:
            features = self.model.output_shape[-1]
        sides = {features}
        while shapes:
            joined = [s for s in shapes if any(n in sides or n % features == 0 for n in s)]
            if not joined:
                return False
            sides.update(side for shape in joined for side in shape)
            shapes = [shape for shape in shapes if shape not in joined]
        return True

    def _hint(self, *arguments):
        """What would make the file fit, if it would: it is tried, before any value is read."""
        if any(array.dtype == "int8" for array in self.arrays.values()):
            return "\nThe file is of a quantized model: save the weights before `quantize`."
        scales = [k for k in self.arrays.keys() - self.used if "scale" in re.split(r"[\W_]", k)]
        if scales and any(array.dtype.startswith("float8") for array in self.arrays.values()):
            return (
                f"\nThe file is of a quantized model, float8 with scales beside it ({scales[0]}): "
                "save its weights in bfloat16 or float32 with the library that wrote it."
            )
        if self.adapts == ALL:
            return ""
        try:
            _Plan(self.model, self.file, ALL, *arguments)
        except ValueError:
            return ""
        if self.adapts:
            return (
                "\nThe file is without this top. Build the network with include_top=False; or give "
                "`classes`, for a new top."
            )
        return (
            "\nIt fits as the same network for another number of classes, of channels or of "
            "patches, or with another top: adapt=True."
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


class _Found(NamedTuple):
    """The convention of a file: how many of the names that it needs are there, as a share of all.

    `starts` are the beginnings before these names: several, if the network is there several times.
    `where` says it in words.
    """

    share: float
    library: str
    family: Family
    convention: Convention
    arrays: dict
    starts: list
    where: str


def _recognize(model, own_groups, file, library=None, key=None, likely=None):
    """The convention of a file: that of a library, or the one that has most of its names.

    Of several with as many, it is that of the library `likely`.
    """
    known = conventions_for(own_groups)
    known += [(own_family(), OWN, each) for each in own_family().conventions.values()]
    libraries = list(dict.fromkeys(each for _, each, _ in known))
    if library is not None and library not in libraries:
        raise ValueError(
            "`convention` must be that of a library with this network: "
            f"{', '.join(libraries)}. Received: convention={library!r} for {model.name}"
        )
    candidates = []
    arrays_of_part = _part(file, key)
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
        arrays = arrays_of_part
        for pattern, replacement in convention.renamed.items():
            arrays = {re.sub(pattern, replacement, name): array for name, array in arrays.items()}
        arrays, starts, where = _unwrapped(arrays, wanted, key)
        share = len(wanted & set(arrays)) / max(len(wanted), 1)
        candidates.append(_Found(share, each, family, convention, arrays, starts, where))
    # Without their tops, networks of two libraries can have the same names.
    best = max(
        candidates,
        key=lambda found: (
            found.share,
            found.library == likely,
            found.share > 0 and found.convention.differs(model, file) is None,
        ),
        default=None,
    )
    if best is None or not best.share:
        raise ValueError(
            _no_names(model, file, [library] if library else libraries, arrays_of_part)
            + _advice(model, file, library)
        )
    if len(best.starts) > 1:
        before = f"{key}." if key else ""
        choices = [f"key={(before + start).rstrip('./')!r}" for start in best.starts]
        raise ValueError(
            f"{file.path} has the names of {model.name} (those of {best.library}) several times: "
            f"say {' or '.join(choices)}, as keras_classics.weights.load(model, path, "
            f"{choices[-1]}). Received: the parts {_tops(arrays_of_part)}"
        )
    return best


def _outputs(own, arrays):
    """How many outputs an output layer has in a file; `None` if it is not there, or not whole."""
    if any(key not in arrays for source in own.values() for key in source.keys):
        return None
    weight, axis = ("kernel", 1) if "kernel" in own else (next(iter(own)), 0)
    shape = arrays[own[weight].keys[0]].shape
    if len(shape) < 2 or math.prod(shape[:-2]) != 1:
        return None
    return own[weight].layout.load(_blank(shape[-2:])).shape[axis]


def look(model, source, likely=None):
    """Whose names a file has, and for how many classes it is. Nothing is loaded.

    Args:
        model: The network, which needs no values.
        source: Path of the file.
        likely: The library, if its names are those of others, too.

    Returns:
        The library, and the number of outputs of its output layer, or `None` without one.
    """
    with open_weights(pathlib.Path(source)) as file:
        ours = groups(model)
        found = _recognize(model, ours, file, likely=likely)
        names = found.convention.names(list(ours))
        heads = [ours[name] for name in found.family.heads if name in ours]
        sources = [found.convention.library(h, names[h.name], found.convention) for h in heads[:1]]
        return found.library, next((_outputs(own, found.arrays) for own in sources), None)


def _part(file, key):
    """The arrays of a file whose names begin with a key, without it."""
    if not key:
        return file.arrays
    start = re.compile(rf"{re.escape(key.rstrip('./'))}[./]")
    found = {k[m.end() :]: array for k, array in file.arrays.items() if (m := start.match(k))}
    if not found:
        raise ValueError(
            f"`key` must be what names in {file.path} begin with, up to a dot or a slash: "
            f"{_tops(file.arrays)}. Received: key={key!r}"
        )
    return found


def _unwrapped(arrays, wanted, key):
    """The arrays by the names that are wanted, without what training programs put before them.

    Returns the arrays, the beginnings before the names, and a few words for the log.
    """
    found: dict[str, dict] = {}  # the names that are wanted, by what is before them
    for name, array in arrays.items():
        for match in STARTS.finditer(name):
            if name[match.end() :] in wanted:
                found.setdefault(name[: match.end()], {})[name[match.end() :]] = array
    best = max(found, key=lambda start: len(found[start]), default="")
    most = found.get(best, {})
    rivals = [
        start
        for start, names in found.items()
        if 2 * len(names.keys() & most.keys()) > max(len(most), len(wanted) / 2)
    ]
    where = f" of {key}" if key else ""
    if key == "" and "" in rivals:  # what is not within another part
        others = tuple(start for start in rivals if start)
        return {k: v for k, v in arrays.items() if not k.startswith(others)}, [""], where
    if len(rivals) > 1:
        return most, rivals, where
    # The names of a top can be in another part than those below it.
    parts = [start for start, names in found.items() if not names.keys() & most.keys()]
    inside, beside = {}, {}
    for name, array in arrays.items():
        start = next((start for start in (best, *parts) if start and name.startswith(start)), None)
        if start:
            inside[name.removeprefix(start)] = array
        elif not best or (array.shape and not STATE.match(name)):  # no counter
            beside[name] = array
    if inside.keys() & beside.keys():
        return most, [best, ""], where
    if best:
        where = f" of {f'{key}.' if key else ''}{best.rstrip('./')}"
    return beside | inside, [best], where


def _tops(arrays):
    """The first parts of the names, as far as they are few."""
    tops = list(dict.fromkeys(re.split(r"[./]", name)[0] for name in arrays))
    return ", ".join([*tops[:10], *(["..."] if tops[10:] else [])])


def _no_names(model, file, libraries, arrays):
    """The message if a file has no name that is looked for."""
    some = [f"{array.name} {_shape(array.shape)}" for array in list(arrays.values())[:4]]
    return (
        f"{file.path} ({file.kind}) has none of the names that the weights of {model.name} have "
        f"in {', '.join(libraries)}. Received: {len(arrays)} arrays, {', '.join(some)}"
        f"{', ...' if len(arrays) > 4 else ''}; the names begin with {_tops(arrays)}"
    )


def _advice(model, file, library):
    """How arrays with other names can be loaded."""
    if library:
        return f"\nThe names of other libraries are looked for without convention={library!r}."
    first = next(iter(groups(model).values()))
    own = f"{first.name}/{next(iter(first.variables))}"
    return (
        "\nIt is of another network, or of this one by other names. Then save the arrays by this "
        "network's own names, the `weight.path` of all model.weights, in the shapes of these:\n"
        f"    arrays = keras_classics.weights.read({str(file.path)!r})\n"
        f'    numpy.savez("renamed.npz", **{{{own!r}: arrays[...], ...}})'
    )


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

    def names(ours):
        return {name: name for name in (*ours, *heads, *top, *helpers)}

    by_number = Convention(
        own,
        names,
        matches=lambda file: isinstance(file.structure, str),
        unused=r"/strides$",
        differs=_differs_in_layers,
    )
    by_name = Convention(
        named, names, matches=lambda file: file.structure is None, unused=rf"^{MEAN}$"
    )
    conventions = {"by number": by_number, "by name": by_name}
    return Family(conventions, heads=heads, top=top, helpers=helpers)


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


def _first(wrong):
    """The first of the lines about weights of the model, and of those about arrays of the file."""
    shown = []
    for _, group in itertools.groupby(wrong, lambda line: line.startswith(NOTHING)):
        lines = list(group)
        shown += lines[:SHOWN]
        if more := len(lines[SHOWN:]):
            shown.append(f"and {more:,} more")
    return shown


def _shape(shape):
    return f"({', '.join(map(str, shape))})"
