"""Stochastic diagonal Levenberg-Marquardt (LeCun et al., 1998, appendix C)."""

import math

import keras
import numpy as np
from keras import layers, ops

from keras_classics import activations, backend
from keras_classics.layers import (
    ConstantPadding2D,
    CoveringConv2D,
    MapConv2D,
    RBFOutput,
    ScaledSubsampling2D,
    UnitBias,
)
from keras_classics.losses import MaximumAPosteriori, MaximumLikelihood


@keras.saving.register_keras_serializable(package="keras_classics")
class StochasticDiagonalLM(keras.optimizers.Optimizer):
    """Gradient descent with a step of its own for each weight.

    With `h_kk` the curvature of the error along weight `w_k`,

        w_k <- w_k - eps_k dE/dw_k,    eps_k = eta / (mu + h_kk)

    The callback `EstimateCurvature` sets `h_kk` before each pass over the
    training set; without it the first step refuses to run. The paper takes one
    pattern a step. `dE/dw_k` is the gradient of Keras's loss, a mean over the
    batch: to keep the sum of the paper's single steps, multiply `eta` by the
    batch size.

    Args:
        learning_rate: `eta`. Paper: 0.0005 for two passes, 0.0002 for three,
            0.0001 for three, 0.00005 for four, then 0.00001.
        mu: Keeps the step bounded where the error is flat. Paper: 0.02.

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, eq. 18 to 21.
    """

    def __init__(self, learning_rate=0.0005, mu=0.02, name="stochastic_diagonal_lm", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        if mu <= 0:
            raise ValueError(f"`mu` must be positive. Received: mu={mu}")
        self.mu = mu
        self.estimated = False

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._curvatures = self.add_optimizer_variables(variables, "curvature")

    def set_curvature(self, curvatures):
        """Sets `h_kk`: one array for each of the model's trainable variables."""
        for variable, curvature in zip(self._curvatures, curvatures, strict=True):
            variable.assign(curvature)
        self.estimated = True

    def update_step(self, gradient, variable, learning_rate):
        if not self.estimated:
            raise RuntimeError(
                "StochasticDiagonalLM has no curvatures to divide by. Pass the callback "
                "EstimateCurvature(images) to `fit`."
            )
        eta = ops.cast(learning_rate, variable.dtype)
        curvature = self._curvatures[self._get_variable_index(variable)]
        step = eta / (self.mu + ops.convert_to_tensor(curvature))
        self.assign_sub(variable, step * ops.cast(gradient, variable.dtype))

    def get_config(self):
        return {**super().get_config(), "mu": self.mu}


class EstimateCurvature(keras.callbacks.Callback):
    """Re-estimates the curvatures of `StochasticDiagonalLM` before each pass.

    Args:
        images: Training images as the network takes them, `(n, height, width, 1)`.
        patterns: How many of them each estimate takes, drawn anew. Paper: 500.
        seed: Seed of the draws, which follow from it and the number of the pass.

    In mixed precision the curvatures are those of the same network in float32.

    Reference: LeCun et al., Proc. IEEE 86(11), 1998, appendix C.
    """

    def __init__(self, images, patterns=500, seed=0):
        super().__init__()
        self.images = images
        self.patterns = min(patterns, len(images))
        self.seed = seed
        self.twin = None

    def on_epoch_begin(self, epoch, logs=None):
        # With float16 Keras puts a scaling of the loss around the optimizer.
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if not isinstance(optimizer, StochasticDiagonalLM):
            raise ValueError(
                "EstimateCurvature serves the optimizer StochasticDiagonalLM. "
                f"Received: a model compiled with {type(optimizer).__name__}"
            )
        optimizer.build(self.model.trainable_variables)
        random = np.random.default_rng([self.seed, epoch])
        chosen = np.sort(random.choice(len(self.images), self.patterns, replace=False))
        network = self._in_one_precision()
        optimizer.set_curvature(diagonal_curvature(network, self.images[chosen], self.model.loss))

    def _in_one_precision(self):
        if self.model.compute_dtype == self.model.variable_dtype:
            return self.model
        if self.twin is None:
            self.twin = keras.models.clone_model(
                self.model,
                clone_function=lambda layer: layer.from_config(
                    layer.get_config() | {"dtype": layer.variable_dtype}
                ),
            )
            self.twin.dtype_policy = keras.DTypePolicy(self.model.variable_dtype)
        self.twin.set_weights(self.model.get_weights())
        return self.twin


def diagonal_curvature(model, images, loss=None):
    """The diagonal Gauss-Newton curvature of the error along every weight.

    For a unit with weighted sum `a_i = sum_j u_ij x_j` and output `x_i = f(a_i)`,
    eq. 27 carries the curvature back from layer to layer,

        d2E/da_i^2 = f'(a_i)^2 sum_k u_ki^2 d2E/da_k^2,

    eq. 25 gives that of a connection, `d2E/du_ij^2 = d2E/da_i^2 x_j^2`, and eq. 23
    and 24 that of a weight: the mean over the patterns of the sum over the
    connections that share it. All terms are squares: no curvature is negative.
    The recursion starts from the exact second derivatives of the loss along the
    outputs of the last layer with weights, RBF units and their loss taken
    together.

    Args:
        model: A chain of the layers of the LeNet family.
        images: The patterns, `(n, height, width, channels)`.
        loss: The loss; default: the one that the model is compiled with.

    Returns:
        A list of tensors, one for each of the trainable variables of the model,
        of the same shape.

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
