"""The graph of a functional model: which layer made which tensor, and in what order.

Keras has no public way to walk through this graph. This is the one module that reads what Keras
keeps of it: `_keras_history` of a tensor and `_inbound_nodes` of a layer. A node is one
application of a layer, with its `operation`, `arguments`, `input_tensors`, `outputs` and
`parent_nodes`.
"""


def check_connected(model) -> None:
    """Raises a `ValueError` unless Keras knows how the layers of a model connect."""
    if not getattr(model, "inputs", None):
        raise ValueError(
            "`model` must be a functional model, or a sequential one that was built: of others, "
            f"Keras does not know how the layers connect. Received: model={model!r}"
        )


def nodes(tensors) -> dict:
    """Finds the nodes that lead to tensors.

    Returns:
        `{node: depth}`, each node after those that it depends on.
    """
    depth = {}
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
