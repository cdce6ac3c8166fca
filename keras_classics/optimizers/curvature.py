"""The diagonal Gauss-Newton curvature of a network (LeCun et al., 1998, appendix C)."""

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_classics import activations, backend
from keras_classics.checks import arguments
from keras_classics.layers import (
    ConstantPadding2D,
    CoveringConv2D,
    MapConv2D,
    PairwiseScores,
    RBFOutput,
    ScaledSubsampling2D,
    UnitBias,
)
from keras_classics.losses import MaximumAPosteriori, MaximumLikelihood


@arguments()
def diagonal_curvature(model: keras.Model, images: np.ndarray, loss: Any = None) -> list:
    """The diagonal Gauss-Newton curvature of the error along every weight.

    For a unit with weighted sum `a_i = sum_j u_ij x_j` and output `x_i = f(a_i)`,
    eq. 27 propagates the curvature back from layer to layer,

        d2E/da_i^2 = f'(a_i)^2 sum_k u_ki^2 d2E/da_k^2,

    and eq. 25 gives that of a connection, `d2E/du_ij^2 = d2E/da_i^2 x_j^2`. By eq. 23 and
    24, that of a weight is the sum over the connections that share it, averaged over the
    patterns. All terms are squares: no curvature is negative. The recursion starts from the
    exact second derivatives of the loss along the outputs of the last layer with weights;
    RBF units count as a part of the loss.

    Args:
        model: A chain of the layers of the LeNet family.
        images: The patterns, `(n, height, width, channels)`.
        loss: A loss of Keras, or its name. Default: that with which the model is compiled.

    Returns:
        A list of tensors, one for each of the trainable variables of the model,
        of the same shape.

    Raises:
        ValueError: If the recursion is not derived for a layer, its place, the loss or the
            dtype policy.

    Example:

    ```python
    import numpy as np
    from keras_classics.applications import LeNet1
    from keras_classics.optimizers import diagonal_curvature

    model = LeNet1()
    curvatures = diagonal_curvature(model, np.zeros((8, 28, 28, 1), "float32"), "mse")
    ```

    Reference: LeCun et al., Proc. IEEE 86(11), 1998, appendix C, eq. 22 to 27.
    """
    if model.compute_dtype != model.variable_dtype:
        raise ValueError(
            "The diagonal curvature needs one precision throughout: its squares overflow float16. "
            f"Received: a model of the dtype policy {model.dtype_policy.name!r}"
        )
    chain = _chain(model)
    loss = model.loss if loss is None else loss
    variables = model.trainable_variables
    index = {id(variable): i for i, variable in enumerate(variables)}
    images = ops.convert_to_tensor(images, dtype=model.compute_dtype)

    # The recursion is the transpose of a linear map from small changes of the weights
    # to the outputs, with inputs and weights squared. So carry beside each state x the
    # response z of that map to the `changes`, and differentiate its weighted sum.
    def response(changes):
        def change(variable):  # a frozen one does not change
            return changes[index[id(variable)]] if id(variable) in index else None

        x, z = images, ops.zeros_like(images)
        for layer in chain:
            x, z = _propagate(layer, x, z, change)
        return ops.mean(ops.sum(ops.reshape(_seed(model, loss, x) * z, (len(images), -1)), -1))

    return backend.gradient(response, [np.zeros(v.shape, v.dtype) for v in variables])


def _chain(model):
    """The layers from the image to the last one before the loss, one after the other."""
    steps = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    if isinstance(steps[-1], PairwiseScores):  # what the units say is a part of the loss
        steps = steps[:-1]
    known = (*_LINEAR, *_WEIGHTLESS, layers.Activation, layers.Rescaling, RBFOutput)
    for layer in steps:
        if type(layer) not in known:
            raise ValueError(
                "The diagonal curvature is derived for the layers of the LeNet family: "
                f"{', '.join(sorted(kind.__name__ for kind in known))}. Received: "
                f"layer {layer.name!r} of class {type(layer).__name__}"
            )
    for before, after in zip(model.layers, model.layers[1:], strict=False):
        if after.input is not before.output:
            raise ValueError(
                "The diagonal curvature needs a chain of layers, each reading the one before. "
                f"Received: layer {after.name!r}, which does not read {before.name!r}"
            )
    # The seed takes RBF units, and the sign of their scores, together with the loss.
    ends = [type(layer) for layer in steps[-2:]] == [RBFOutput, layers.Rescaling]
    if ends and (steps[-1].scale, steps[-1].offset) == (-1, 0):
        steps = steps[:-2]
    for layer in steps:
        softmax = getattr(layer, "activation", None) is keras.activations.softmax
        if isinstance(layer, (RBFOutput, layers.Rescaling)) or (softmax and layer is not steps[-1]):
            raise ValueError(
                "The diagonal curvature takes RBF units only as the last layer but one, with a "
                "Rescaling by -1 after them, and a softmax only as the last activation. "
                f"Received: layer {layer.name!r} in another place"
            )
    return steps


# The weighted sums of each kind of layer without their biases, linear in the inputs and
# in the weights.
_LINEAR = {
    layers.Conv2D: lambda layer, x, w: layer.convolution_op(x, w),
    CoveringConv2D: lambda layer, x, w: layer.convolution_op(x, w),
    MapConv2D: lambda layer, x, w: layer.convolution_op(x, w),
    ScaledSubsampling2D: lambda layer, x, w: layer.scaled_sum(x, w),
    layers.Dense: lambda layer, x, w: ops.matmul(x, w),
    UnitBias: lambda layer, x, w: x,
}
# Layers that do to the response what they do to the state: a border is a constant, and
# no change moves it.
_WEIGHTLESS = (ConstantPadding2D, layers.Flatten, layers.Reshape)
# f'(a)^2 as a function of x = f(a). A softmax's slope belongs to the seed.
_SQUARED_SLOPE = {
    keras.activations.linear: ops.ones_like,
    keras.activations.tanh: lambda x: ops.square(1 - ops.square(x)),
    activations.scaled_tanh: lambda x: ops.square(
        activations.SLOPE * (activations.AMPLITUDE - ops.square(x) / activations.AMPLITUDE)
    ),
    keras.activations.softmax: ops.ones_like,
}


def _propagate(layer, x, z, change):
    """A layer's state and response from those of the layer before it."""
    if type(layer) in _WEIGHTLESS:
        return layer(x), layer(z)
    output = layer(x)
    if type(layer) in _LINEAR:
        apply = _LINEAR[type(layer)]
        weight = getattr(layer, "coefficient", getattr(layer, "kernel", None))
        z = apply(layer, z, None if weight is None else ops.square(weight))
        if weight is not None and change(weight) is not None:
            z = z + apply(layer, ops.square(x), change(weight))
        if layer.bias is not None and change(layer.bias) is not None:
            z = z + change(layer.bias)
    if layer.activation not in _SQUARED_SLOPE:
        known = ", ".join(sorted(function.__name__ for function in _SQUARED_SLOPE))
        raise ValueError(
            f"The diagonal curvature knows the activations {known}. "
            f"Received: {getattr(layer.activation, '__name__', layer.activation)} in layer "
            f"{layer.name!r}"
        )
    return output, z * _SQUARED_SLOPE[layer.activation](output)


def _seed(model, loss, x):
    """The second derivatives of a pattern's loss along the outputs `x` of the chain."""
    loss = keras.losses.get(loss)
    name = getattr(loss, "__name__", type(loss).__name__).replace("_", "").lower()
    cross_entropy = name in ("categoricalcrossentropy", "sparsecategoricalcrossentropy")
    from_logits = getattr(loss, "from_logits", False)
    rbf = next((layer for layer in model.layers if isinstance(layer, RBFOutput)), None)
    if rbf is not None and rbf.trainable:
        raise ValueError(
            "The diagonal curvature needs fixed codes: along a learned code the loss also "
            f"curves downwards. Received: layer {rbf.name!r} with trainable=True"
        )
    if rbf is not None and isinstance(loss, MaximumLikelihood):
        return 2 * ops.ones_like(x)
    rubbish = isinstance(loss, MaximumAPosteriori)
    if rbf is not None and (rubbish or (cross_entropy and from_logits)):
        j = loss.j if rubbish else np.inf
        d = ops.expand_dims(x, 1) - ops.convert_to_tensor(rbf.code)  # (batch, classes, features)
        d = ops.pad(d, [[0, 0], [0, 1], [0, 0]])  # the rubbish class does not depend on x
        penalties = ops.sum(ops.square(d[:, :-1]), -1, keepdims=True)
        penalties = ops.pad(penalties, [[0, 0], [0, 1], [0, 0]], constant_values=j)
        p = ops.softmax(-penalties, axis=1)
        mean = ops.sum(p * d, 1, keepdims=True)
        variance = ops.sum(p * ops.square(d - mean), 1)
        return 2 * p[:, -1] + 4 * variance
    if isinstance(model.layers[-1], PairwiseScores):
        # Of equally frequent classes, two learn by a unit.
        return (2 / model.layers[-1].classes) ** 2 * ops.ones_like(x)
    softmax = getattr(model.layers[-1], "activation", None) is keras.activations.softmax
    if rbf is None and name in ("meansquarederror", "mse") and not softmax:
        return 2 / math.prod(x.shape[1:]) * ops.ones_like(x)
    if rbf is None and cross_entropy and softmax != from_logits:
        p = x if softmax else ops.softmax(x)
        return p * (1 - p) / math.prod(x.shape[1:-1])
    raise ValueError(
        "The diagonal curvature knows MaximumLikelihood, MaximumAPosteriori and cross-entropies "
        "from logits after RBF units; else the mean squared error, and cross-entropies after a "
        f"softmax or from logits. Received: {name}, from_logits={from_logits}, after layer "
        f"{model.layers[-1].name!r}"
    )
