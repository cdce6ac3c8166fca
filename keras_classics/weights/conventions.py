"""How other libraries name the weights of a layer, and how these lie in memory there.

A `Convention` is one library's way to keep the weights of one family of networks. Its names of
layers are a table beside our names of them, in the file of the paper in `weights/names`. Its names
of weights and their layouts are those of the library, below.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from keras_classics.layers import LocalResponseNormalization
from keras_classics.weights import layouts
from keras_classics.weights.layouts import CONVOLUTION, DENSE, SAME, Layout

NORMALIZES = (LocalResponseNormalization,)
POOLS = (keras.layers.MaxPooling2D,)


@dataclasses.dataclass(frozen=True)
class Convention:
    """One library's way to keep the weights of a family of networks.

    Args:
        library: A function from a `Group` of our weights and the names of their layers to
            `{weight: Source}`: `torch`, `caffe`, `keras_files`, `flax` or `own`.
        names: A function from the names of our groups to `{ours: theirs}`. Theirs is one name;
            several, of the layers that ours unites; or a dictionary with one for each weight.
        channels: Order of the channels of the first kernel's input in the library, `"RGB"` or
            `"BGR"`, or `None` if files of both orders have these names.
        unsure: Whose files they are then, in words.
        epsilon: The `epsilon` of batch normalization in the library.
        differs: A function from a model and a `File`, or `None`, to the reason why the model is
            not the network that the library computes with these weights; or to `None`.
        warns: A function from a model and a `File` to what a message says of a small difference,
            or to `None`.
        matches: A function from a `File` to whether it can be of this convention.
        unused: A regular expression of arrays that are no weights.
        renamed: What older files call otherwise: `{regular expression: replacement}`.
        saved: Endings of the files that `save` writes.
        ordered: A function from the library's names of layers, in our order, to its own order.
        packed: A function from `{layer: keys}` in that order to the groups of a `.h5`, each with
            its keys in the order in which Keras reads them; `None` is a group for each layer.
        body: What `save` writes before the names of all layers but the heads, if there are heads.
    """

    library: Callable
    names: Callable
    channels: str | None = "RGB"
    unsure: str = ""
    epsilon: float = 1e-5
    differs: Callable = lambda model, file: None
    warns: Callable = lambda model, file: None
    matches: Callable = lambda file: True
    unused: str = r"(^|\.)num_batches_tracked$"
    renamed: dict = dataclasses.field(default_factory=dict)
    saved: tuple = ()
    ordered: Callable = lambda names: names
    packed: Callable | None = None
    body: str = ""


@dataclasses.dataclass(frozen=True)
class Family:
    """The networks of one paper: their conventions by name, and the parts that may be missing.

    Args:
        conventions: `{name: Convention}`.
        decides: A function from a `names.Network` to the names of the builder's arguments that
            make another network of it: a release is for one value of each.
        heads: Names of the groups with one output for each class, that of the network first.
        top: Names of further groups below it that a model without its top lacks.
        helpers: Names of groups that a model with its top can lack, too.
        resized: Names of groups whose shape depends on the size of the image.
    """

    conventions: dict
    decides: Callable = lambda network: ()
    heads: tuple = ("predictions",)
    top: tuple = ()
    helpers: tuple = ()
    resized: tuple = ()


class Group(NamedTuple):
    """Variables of a model that belong together: those of one layer that has no layers inside.

    `variables` has them by name, in the layer's order. `layer` is the layer of the model that
    they are in. `maps` are the `(height, width, channels)` that were flattened before it, if any.
    """

    name: str
    variables: dict
    layer: keras.layers.Layer
    maps: tuple | None

    @property
    def is_dense(self):
        """Whether the layer is a dense one."""
        return isinstance(self.layer, keras.layers.Dense)


class Source(NamedTuple):
    """The arrays of a file that make a weight, by their keys, and the layout that makes it.

    The last `optional` of the keys may be missing in the file.
    """

    keys: tuple
    layout: Layout = SAME
    optional: int = 0


def groups(model):
    """The groups of a model's weights by name, in its order."""
    flattened = {
        id(layer.output): layer.input.shape[1:]
        for layer in model.layers
        if isinstance(layer, keras.layers.Flatten)
    }
    found: dict[str, Group] = {}
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name.startswith("lora_"):
                continue
            path = layer.name + "/" + variable.path.partition(f"{layer.name}/")[2]
            name, _, weight = path.rpartition("/")
            maps = flattened.get(id(layer.input)) if variable.ndim == 2 else None
            group = found.setdefault(name, Group(name, {}, layer, maps))
            group.variables[weight] = variable
    return {name: group._replace(maps=_maps(group)) for name, group in found.items()}


def refuse_changed(model, advice, adapters=True):
    """Refuses a model whose layers were quantized, or have adapters (LoRA).

    Args:
        model: The model.
        advice: What to do.
        adapters: Whether adapters are refused, too.
    """
    for layer in model._flatten_layers():
        for name, what in [("quantization_mode", "quantize"), ("lora_enabled", "enable_lora")]:
            if getattr(layer, name, None) and (adapters or what == "quantize"):
                raise ValueError(
                    f"{model.name} was changed by `{what}`: {advice}. Received: {layer.name} with "
                    f"{name}={getattr(layer, name)!r}"
                )


def merged_kernels(model):
    """The kernels of layers with adapters (LoRA) as they compute, by the `id` of the variable."""
    layers = [layer for layer in model._flatten_layers() if getattr(layer, "lora_enabled", False)]
    return {id(layer._kernel): layer.kernel for layer in layers}


def first_kernel(ours):
    """The name of the group whose kernel reads the image."""
    return next((name for name, group in ours.items() if "kernel" in group.variables), None)


def _maps(group):
    """The maps that a dense layer flattens, if their order matters."""
    return None if group.maps is None or group.maps[:2] == (1, 1) else group.maps


def templates(table):
    """The function `names` of a `Convention`, made of a table from our names to theirs.

    A name of ours can be a template, `"conv{s}_{i}"`. It stands for all names with numbers in
    place of the letters; theirs is then a function of the numbers.
    """

    def names(ours):
        found = {name: theirs for name, theirs in table.items() if not callable(theirs)}
        for template, theirs in table.items():
            if callable(theirs):
                pattern = re.compile(re.sub(r"\{\w+\}", r"(\\d+)", template))
                for name in ours:
                    if match := pattern.fullmatch(name):
                        found[name] = theirs(*map(int, match.groups()))
        return found

    return names


def torch(group, theirs, convention):
    """PyTorch: `layer.weight`, `layer.bias`, outputs first. Of several layers, each has a share."""
    kinds = {
        "kernel": ("weight", _kernel(group)),
        "bias": ("bias", SAME),
        "gamma": ("weight", SAME),
        "beta": ("bias", SAME),
        "moving_mean": ("running_mean", SAME),
        "moving_variance": ("running_var", _variance(group, convention)),
        "token": ("", _batched(2)),
        "embeddings": ("", _batched(1)),
    }
    sources = {}
    for name in group.variables:
        kind, layout = kinds[name]
        if isinstance(theirs, tuple):
            keys = tuple(f"{part}.{kind}" for part in theirs)
            sources[name] = Source(keys, layouts.side_by_side(len(keys)))
            continue
        given = theirs[name] if isinstance(theirs, dict) else f"{theirs}.{kind}"
        sources[name] = Source((given.removesuffix("."),), layout)
    return sources


def caffe(group, theirs, convention):
    """Caffe: blobs by number, outputs first. A batch normalization is two layers there."""
    if "gamma" not in group.variables:
        return {
            name: Source((f"{theirs}/{number}",), _kernel(group) if name == "kernel" else SAME)
            for number, name in enumerate(group.variables)
        }
    norm, scale, *convolution = theirs
    mean = Layout(
        lambda sums, factor, *bias: layouts.without_bias(layouts.unscaled(sums, factor), *bias),
        lambda mean: [mean, np.ones(1, "float32"), np.zeros_like(mean)],
    )
    variance = Layout(layouts.unscaled, lambda variance: [variance, np.ones(1, "float32")])
    biases = tuple(f"{name}/1" for name in convolution)
    return {
        "gamma": Source((f"{scale}/0",)),
        "beta": Source((f"{scale}/1",)),
        "moving_mean": Source((f"{norm}/0", f"{norm}/2", *biases), mean, len(biases)),
        "moving_variance": Source((f"{norm}/1", f"{norm}/2"), variance),
    }


def keras_files(group, theirs, convention):
    """Keras: weights by number, in the layer's order. Their layout is ours."""
    norm, *convolution = [theirs] if isinstance(theirs, str) else theirs
    sources = {}
    for number, name in enumerate(group.variables):
        key = (f"{norm}/{number}",)
        if name == "moving_mean" and convolution:
            biases = tuple(f"{other}/1" for other in convolution)
            layout = Layout(layouts.without_bias, lambda mean: [mean, np.zeros_like(mean)])
            sources[name] = Source(key + biases, layout, len(biases))
        elif name == "moving_variance":
            sources[name] = Source(key, _variance(group, convention))
        elif group.name.endswith("attention/qkv"):
            keys = tuple(f"{part}/{number}" for part in theirs)
            sources[name] = Source(keys, layouts.heads_apart(group.layer.num_heads))
        elif group.name.endswith("attention/out") and name == "kernel":
            sources[name] = Source(key, layouts.heads_joined(group.layer.num_heads))
        elif name == "token":
            sources[name] = Source(key, _batched(2))
        else:
            sources[name] = Source(key)
    return sources


def in_models(backbone, head=(), apart=False):
    """The function `packed` of KerasHub, where the backbone is a model within the classifier's.

    Keras reads all weights of a model within a model at once, the statistics last.

    Args:
        backbone: Name of the backbone's group.
        head: Names of the layers above it.
        apart: Whether the layers of a backbone alone are groups of layers, which are named first.
    """

    def packed(layers):
        above = [key for name in head for key in layers.get(name, [])]
        if not above:
            groups: dict[str, list] = {}
            for name, keys in layers.items():
                group = f"{name.split('/')[0]}_layers" if apart else name
                groups.setdefault(group, []).extend(keys)
            return groups
        below = [key for name, keys in layers.items() if name not in head for key in keys]
        below.sort(key=lambda key: int(key.rpartition("/")[2]) > 1)  # moving mean and variance
        return {backbone: below, head[0] if len(head) == 1 else "head": above}

    return packed


def flax(group, theirs, convention):
    """Flax: `layer/kernel`, `layer/bias`. Their layout is ours, but for the heads of attention."""
    kinds = {"gamma": "scale", "beta": "bias"}
    sources = {}
    for name in group.variables:
        kind = kinds.get(name, name)
        if group.name.endswith("attention/qkv"):
            keys = tuple(f"{part}/{kind}" for part in theirs)
            sources[name] = Source(keys, layouts.heads_apart(group.layer.num_heads))
        elif group.name.endswith("attention/out") and name == "kernel":
            sources[name] = Source(
                (f"{theirs}/{kind}",), layouts.heads_joined(group.layer.num_heads)
            )
        elif kind in ("token", "embeddings"):
            sources[name] = Source((theirs,), _batched(2 if kind == "token" else 1))
        else:
            sources[name] = Source((f"{theirs}/{kind}",))
    return sources


def tensorflow(group, theirs, convention):
    """The early ports to TensorFlow: `layer/weights` and `layer/biases`, as they are here."""
    kinds = {"kernel": "weights", "bias": "biases"}
    return {name: Source((f"{theirs}/{kinds[name]}",)) for name in group.variables}


def of_numpy(file):
    """The function `matches` of files that say no more than names and arrays."""
    return file.structure is None


def own(group, theirs, convention):
    """This library's own files, which Keras writes: weights by number, as they are."""
    return {
        name: Source((f"{group.name}/{number}",)) for number, name in enumerate(group.variables)
    }


def named(group, theirs, convention):
    """Arrays by the names of our weights, `weight.path`, as they are."""
    return {name: Source((f"{group.name}/{name}",)) for name in group.variables}


def _kernel(group):
    """The layout of a kernel with its outputs first."""
    kernel = group.variables.get("kernel")
    if kernel is None or kernel.ndim == 4:
        return CONVOLUTION
    return layouts.flattened(group.maps) if group.maps else DENSE


def _variance(group, convention):
    """The layout of a variance to which this library adds another `epsilon`."""
    more = convention.epsilon - getattr(group.layer, "epsilon", convention.epsilon)
    return Layout(
        lambda variance: layouts.more_epsilon(variance, more),
        lambda variance: [layouts.more_epsilon(variance, -more)],
    )


def _batched(axes):
    """The layout of an array that has further first axes in the file, of length 1."""
    return Layout(
        lambda array: array.reshape(array.shape[axes:]),
        lambda array: [array.reshape(*[1] * axes, *array.shape)],
    )


def of_caffe(file):
    """The function `matches` of Caffe: other files can have the same names of layers."""
    return file.structure is not None and not isinstance(file.structure, str)


def differs_from_caffe(names):
    """The function `differs` of Caffe: it compares what a caffemodel says of its layers.

    Args:
        names: The function `names` of the `Convention`.
    """

    def why(model, file):
        if file is None:
            return None
        layers = {layer.name: layer for layer in file.structure}
        for ours, theirs in names([layer.name for layer in model.layers]).items():
            there = layers.get(theirs) if isinstance(theirs, str) else None
            here = {layer.name: layer for layer in model.layers}.get(ours)
            if there is None or here is None or there.type != "Convolution":
                continue
            pair = (here.strides[0], getattr(here, "groups", 1))
            if pair != (there.stride, there.group):
                return (
                    f"{theirs} has the stride {there.stride} and {there.group} groups there, and "
                    f"{ours} {pair[0]} and {pair[1]} here"
                )
        return _differs_in_normalization(model, file)

    return why


def _numbers(values):
    return ", ".join(f"{value:.6g}" for value in values)


def _differs_in_normalization(model, file):
    """The reason why local response normalization differs in a model and a file, or `None`."""
    there = [layer for layer in file.structure if layer.type in ("LRN", "Pooling")]
    here = [layer for layer in model.layers if isinstance(layer, NORMALIZES + POOLS)]
    normalized = [layer for layer in here if isinstance(layer, NORMALIZES)]
    constants = [layer.lrn for layer in there if layer.type == "LRN"]
    if len(normalized) != len(constants):
        return f"it has {len(constants)} local response normalizations, and {len(normalized)} here"
    for layer, (k, alpha, beta, size) in zip(normalized, constants, strict=True):
        theirs = (size // 2, k, alpha / size, beta, 1)
        ours = (layer.depth_radius, layer.bias, layer.alpha, layer.beta, layer.groups)
        if not np.allclose(theirs, ours, rtol=1e-5):
            return (
                "its local response normalization has depth_radius, bias, alpha, beta and groups "
                f"({_numbers(theirs)}), and ({_numbers(ours)}) here"
            )
    # Which comes first is seen where the last normalization is.
    order = ["LRN" if layer.type == "LRN" else "pool" for layer in there]
    ours = ["LRN" if layer in normalized else "pool" for layer in here]
    until = len(order) - order[::-1].index("LRN") if constants else 0
    if order[:until] != ours[:until]:
        return (
            f"its order is {', '.join(order[:until])}, and {', '.join(ours[:until])} here (as in "
            "the paper)"
        )
    return None
