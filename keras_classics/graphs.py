"""The graph of a functional model: which layer made which tensor, and in what order.

Keras has no public way to walk through this graph. This is the one module that reads what Keras
keeps of it: `_keras_history` of a tensor and `_inbound_nodes` of a layer. A node is one
application of a layer, with its `operation`, `arguments`, `input_tensors`, `outputs` and
`parent_nodes`. It also calls `_run_through_graph`, the one way to compute a graph with other
functions in the places of layers.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

GRAPHS = (keras.Sequential, keras.Function)  # models of which Keras knows how the layers connect


def check_connected(model) -> None:
    """Raises a `ValueError` unless Keras knows how the layers of a model connect."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(
            "`model` must be a functional model, or a sequential one that was built: of others, "
            f"Keras does not know how the layers connect.{models_within(model)} "
            f"Received: model={model!r}"
        )


def models_within(model) -> str:
    """Words for the models within a model and how to reach them; empty if there are none.

    The end of a message of a function that looks at the layers of one model only.
    """
    if not isinstance(model, keras.Model):
        return ""
    found = {
        f"model.{name}": value
        for name, value in vars(model).items()
        if isinstance(value, keras.Model) and not name.startswith("_")
    }
    attributes = list(found.values())
    found |= {
        f"model.get_layer({layer.name!r})": layer
        for layer in model.layers
        if isinstance(layer, keras.Model) and not any(layer is value for value in attributes)
    }
    reached = (f"`{way}` ({inner.name!r})" for way, inner in found.items())
    return f" There is a model within it: take {' or '.join(reached)}." if found else ""


def nodes(tensors) -> dict:
    """Finds the nodes that lead to tensors.

    Returns:
        `{node: depth}`, each node after those that it depends on.
    """
    depth: dict = {}
    stack = [node_of(tensor) for tensor in tensors]
    while stack:
        node = stack[-1]
        before = [parent for parent in node.parent_nodes if parent not in depth]
        stack.extend(before)
        if not before:
            depth[stack.pop()] = 1 + max((depth[p] for p in node.parent_nodes), default=0)
    return depth


def node_of(tensor):
    """The node whose output a tensor is."""
    layer, index, _ = tensor._keras_history
    return layer._inbound_nodes[index]


def maker(tensor):
    """The layer whose output a tensor is."""
    return node_of(tensor).operation


def operations(tensors) -> list:
    """The layers and operations that lead to tensors, also in models within, in their order."""
    found = []
    for node in nodes(tensors):
        is_model = isinstance(node.operation, GRAPHS)
        found += operations(node.operation.outputs) if is_model else [node.operation]
    return found


def run(model, inputs, instead: Callable[[Any], Callable]) -> Any:
    """Computes a model with other functions in the places of some of its layers.

    Args:
        model: A functional or sequential model.
        inputs: Its inputs, tensors.
        instead: A function from a layer, or an operation of `keras.ops`, to what is called in its
            place, which may be the layer itself. Models within the model are run likewise.

    Returns:
        The outputs, in the model's structure.
    """
    pairs = zip(keras.tree.flatten(inputs), model.inputs, strict=True)
    tensors = [ops.cast(x, like.dtype) for x, like in pairs]

    def asked(operation):
        if isinstance(operation, GRAPHS):
            return lambda inputs, **_: run(operation, inputs, instead)
        return instead(operation)

    if isinstance(model, keras.Sequential):
        (x,) = tensors
        for layer in model.layers:
            x = asked(layer)(x)
        return x
    return model._run_through_graph(tensors, operation_fn=asked)


@contextlib.contextmanager
def deep_recursion(depth: int = 1202) -> Iterator[None]:
    """A context in which Keras can walk through a network of `depth` layers.

    Keras builds, clones and loads a functional model by recursion from layer to layer. Python
    stops at 1000 calls, which is too few for a ResNet of more than about 270 layers. The context
    raises the limit, and restores it at its end. Training, `save` and weights files do not need
    it.

    Args:
        depth: Layers with weights of the network.

    Example:

    ```python
    import keras
    from keras_classics.applications import ResNetCIFAR
    from keras_classics.graphs import deep_recursion

    model = ResNetCIFAR(20)
    with deep_recursion(1202):  # so, too, for `keras.saving.load_model`
        clone = keras.models.clone_model(model)
    ```
    """
    before = sys.getrecursionlimit()
    # Fewer than four calls for each layer, beyond those of a usual program.
    sys.setrecursionlimit(max(before, 1000 + 4 * depth))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
