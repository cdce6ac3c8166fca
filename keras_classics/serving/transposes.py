"""Transposes of a graph of OpenVINO, moved to where they cancel.

Keras keeps the channels last, OpenVINO computes convolutions with the channels first. Keras's
OpenVINO backend puts one transpose before each convolution and one behind it. OpenVINO itself
removes pairs with nothing, a bias or an activation between them. At a branch, as of a residual
connection, it leaves them: half of the time of a ResNet.
"""

from typing import Any

import numpy as np

# Element by element, of one tensor or of several: the order of the axes does not matter.
ELEMENTWISE = frozenset(
    "Abs Add Clamp Convert Divide Elu Exp Gelu HardSigmoid HSwish Log Maximum Minimum Mish "
    "Multiply Negative Power Relu Sigmoid SoftPlus Sqrt SquaredDifference Subtract Swish "
    "Tanh".split()
)


def sink(model: Any) -> int:
    """Moves each transpose behind what does not depend on the order of axes.

    A transpose whose source is its inverse is left out. The results stay the same, bit for bit.

    Args:
        model: An `openvino.Model`, which is changed.

    Returns:
        How many operations were changed.
    """
    changed = 0
    for node in model.get_ordered_ops():  # each one after its sources
        kind = node.get_type_name()
        if kind == "Transpose":
            changed += _cancel(node)
        elif kind in ("Concat", "Pad") or kind in ELEMENTWISE:
            changed += _pass(node, kind)
    model.validate_nodes_and_infer_types()
    return changed


def _order(output):
    """The order of axes of the transpose that makes a tensor; `None` if it is no transpose."""
    node = output.get_node()
    if node.get_type_name() != "Transpose":
        return None
    order = node.input_value(1).get_node()
    return tuple(order.get_data().tolist()) if order.get_type_name() == "Constant" else None


def _cancel(node):
    first, second = _order(node.input_value(0)), _order(node.output(0))
    if not first or not second or [first[axis] for axis in second] != [*range(len(first))]:
        return False
    node.output(0).replace(node.input_value(0).get_node().input_value(0))
    return True


def _pass(node, kind):
    """Takes the transpose before an operation, the same for all its sources, behind it."""
    import openvino.opset13 as opset

    count = 1 if kind == "Pad" else node.get_input_size()  # the others say how wide
    values = [node.input_value(k) for k in range(count)]
    orders = {_order(value) for value in values} - {None}
    if len(orders) != 1:
        return False
    (order,) = orders
    sources = [_before(value, order, kind != "Concat") for value in values]
    if kind == "Pad":
        widths = [node.input_value(k).get_node() for k in (1, 2)]
        sources += [
            opset.constant(width.get_data()[np.argsort(order)]).output(0)
            if width.get_type_name() == "Constant"
            else None
            for width in widths
        ]
    if None in sources:
        return False
    users = node.output(0).get_target_inputs()
    if kind == "Concat":
        node = opset.concat(sources, order[node.get_attributes()["axis"]])
    else:
        for k, source in enumerate(sources):
            node.input(k).replace_source_output(source)
        node.validate_and_infer_types()  # which Concat reads
    behind = opset.transpose(node, opset.constant(np.array(order))).output(0)
    for user in users:
        user.replace_source_output(behind)
    return True


def _before(value, order, broadcasts):
    """What becomes a tensor by a transpose, or by `order`; `None` if nothing is known to."""
    import openvino.opset13 as opset

    node = value.get_node()
    if _order(value) == order:
        return node.input_value(0)
    if node.get_type_name() != "Constant" or not broadcasts:
        return None
    numbers = node.get_data()
    if numbers.ndim == 0:  # which some activations demand
        return value
    if numbers.ndim > len(order):
        return None
    numbers = numbers.reshape((1,) * (len(order) - numbers.ndim) + numbers.shape)
    return opset.constant(np.ascontiguousarray(numbers.transpose(np.argsort(order)))).output(0)
