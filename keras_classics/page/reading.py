"""A Keras network as a list of layers, each of plain numbers: what the page computes."""

import itertools
from collections.abc import Callable
from typing import Any

import keras

from keras_classics import layers
from keras_classics.activations import scaled_tanh

ACTIVATIONS = {
    getattr(keras.activations, name): name
    for name in ("linear", "relu", "sigmoid", "softmax", "tanh")
} | {scaled_tanh: "scaled_tanh"}


def read(network: keras.Model) -> list[dict[str, Any]]:
    """The layers of a network, in their order, without its input.

    Args:
        network: A chain of layers, from a plane of one channel.

    Returns:
        A dictionary for each layer: `"name"`, `"kind"`, `"shape"` of its output, `"shown"`:
        whether its output is that of a layer of the paper, and what the kind has; its
        `"weights"` are arrays.

    Raises:
        ValueError: If the network is no chain, or has layers of other kinds.

    Example:

    ```python
    from keras_classics.applications import LeNet5
    from keras_classics.page.reading import read

    print([layer["name"] for layer in read(LeNet5()) if layer["shown"]])  # ["C1", "S2", ...
    ```
    """
    found = []
    for layer in _chain(network):
        if type(layer) not in READERS:
            raise ValueError(
                f"A page can show layers of the kinds "
                f"{', '.join(kind.__name__ for kind in READERS)}. "
                f"Received: {layer.name} of {network.name}, a {type(layer).__name__}"
            )
        shape = [int(side) for side in layer.output.shape[1:]]
        described = {"name": layer.name, "shape": shape, **READERS[type(layer)](layer)}
        found.append({**described, "shown": _is_shown(described)})
    return found


def _chain(network):
    """The layers of a network, each of which reads the one before; its input is left out."""
    if isinstance(network, keras.Sequential):
        return [x for x in network.layers if not isinstance(x, keras.layers.InputLayer)]
    calls = {each["name"]: each["inbound_nodes"] for each in network.get_config()["layers"]}
    for previous, layer in itertools.pairwise(network.layers):
        if len(calls[layer.name]) > 1 or layer.input is not previous.output:
            raise ValueError(
                "A page shows a network whose layers follow each other, each called once. "
                f"{network.name} has another arrangement, at {layer.name}."
            )
    return network.layers[1:]


def _is_shown(described):
    """Whether a layer is one of the paper's: not a border, nor the sums before a layer's biases."""
    kind = described["kind"]
    if kind == "convolution":
        return "bias" in described["weights"] or described["activation"] != "linear"
    return kind not in ("border", "flatten", "scale")


def _numpy(variable):
    return keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))


def _activation(layer):
    name = ACTIVATIONS.get(layer.activation)
    if name is None:
        raise ValueError(
            f"A page can compute the activations {', '.join(ACTIVATIONS.values())}. "
            f"Received: layer {layer.name} with activation={layer.activation}"
        )
    return name


def _pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def _biased(layer, weights):
    if layer.use_bias:
        weights["bias"] = _numpy(layer.bias)
    return weights


def _convolved(layer, links, table=None):
    """A convolution: kernels `(links, rows, columns)`, map by map, and the table of its links.

    Without a table, each map reads all maps.
    """
    size, strides = _pair(layer.kernel_size), _pair(layer.strides)
    pads = [[0, 0], [0, 0]]
    if isinstance(layer, layers.SymmetricConv2D):
        pads = [[side // 2, side // 2] for side in size]
    elif layer.padding == "same":
        pads = []
        for side, length, stride in zip(layer.input.shape[1:3], size, strides, strict=True):
            all_of_it = max((-(-side // stride) - 1) * stride + length - side, 0)
            pads.append([all_of_it // 2, all_of_it - all_of_it // 2])
    return {
        "kind": "convolution",
        "activation": _activation(layer),
        "size": size,
        "strides": strides,
        "pads": pads,
        "connections": table,
        "weights": _biased(layer, {"kernel": links}),
    }


def _convolution(layer):
    plain = layer.groups == 1 and _pair(layer.dilation_rate) == [1, 1]
    if not plain or layer.data_format != "channels_last":
        raise ValueError(
            "A page can show convolutions without groups and dilation, channels last. "
            f"Received: layer {layer.name}"
        )
    kernel = _numpy(layer.kernel)  # (rows, columns, channels, filters)
    links = kernel.transpose(3, 2, 0, 1).reshape(-1, *kernel.shape[:2])
    return _convolved(layer, links)


def _map_convolution(layer):
    links = _numpy(layer.kernel).transpose(2, 0, 1)  # from (rows, columns, links)
    return _convolved(layer, links, [list(maps) for maps in layer.connections])


def _subsampling(layer):
    if layer.depth_multiplier > 1:
        raise ValueError(
            f"A page can show subsampling that makes one map of each. Received: layer {layer.name}"
        )
    return {
        "kind": "subsampling",
        "activation": _activation(layer),
        "size": list(layer.window),
        "weights": {"coefficient": _numpy(layer.coefficient), "bias": _numpy(layer.bias)},
    }


def _border(layer):
    pads = [_pair(side) for side in _pair(layer.padding)]
    return {"kind": "border", "pads": pads, "value": float(layer.value), "weights": {}}


def _unit_bias(layer):
    return {
        "kind": "bias",
        "activation": _activation(layer),
        "weights": {"bias": _numpy(layer.bias)},
    }


def _dense(layer):
    weights = _biased(layer, {"kernel": _numpy(layer.kernel).T})  # (units, inputs)
    return {"kind": "dense", "activation": _activation(layer), "weights": weights}


def _rbf(layer):
    return {"kind": "rbf", "weights": {"code": _numpy(layer.code)}}


def _scale(layer):
    return {
        "kind": "scale",
        "scale": float(layer.scale),
        "offset": float(layer.offset),
        "weights": {},
    }


def _flatten(layer):
    return {"kind": "flatten", "weights": {}}


READERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    keras.layers.Conv2D: _convolution,
    layers.CoveringConv2D: _convolution,
    layers.SymmetricConv2D: _convolution,
    layers.MapConv2D: _map_convolution,
    layers.ScaledSubsampling2D: _subsampling,
    layers.ConstantPadding2D: _border,
    layers.UnitBias: _unit_bias,
    keras.layers.Flatten: _flatten,
    keras.layers.Dense: _dense,
    layers.RBFOutput: _rbf,
    keras.layers.Rescaling: _scale,
}
