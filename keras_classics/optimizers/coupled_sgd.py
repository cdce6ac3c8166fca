"""Stochastic gradient descent with weight decay inside the velocity (Krizhevsky et al., 2012)."""

import math
from collections.abc import Iterable, Mapping

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_classics.checks import BY_NAMES, NOT_NEGATIVE, arguments, either


@keras.saving.register_keras_serializable(package="keras_classics")
class CoupledSGD(keras.optimizers.SGD):
    """Momentum with the weight decay inside the velocity, scaled by the learning rate.

    With `w` a weight, `v` its velocity and `g` the mean gradient of a batch,

        v <- momentum * v - weight_decay * learning_rate * w - learning_rate * g
        w <- w + v

    AlexNet, VGG and ResNet train by this rule. The rule of `keras.optimizers.SGD` is another:
    its `weight_decay` subtracts `weight_decay * learning_rate * w` from the weight, outside of
    the velocity. In Keras's terms, the rule here is an L2 regularizer of `weight_decay / 2`,
    without its part in the reported loss.

    Args:
        learning_rate: A number or a `keras.optimizers.schedules.LearningRateSchedule`.
            Paper: 0.01.
        momentum: Share of the velocity that is kept, from 0 to 1. Paper: 0.9.
        weight_decay: A number, not negative, or `{name: number}`, with names of layers or of
            variables; all others have none. Of several names in the path of a variable, the
            numbers add. Paper: 0.0005.
        exempt: Names of variables, or of layers, without weight decay, such as `("bias",)`.
            The paper's rule speaks of "the weights"; its program had none for biases.
        multipliers: `{name: c}`, likewise: a variable's learning rate is `c` times the others', in
            both terms. Of several names in its path, all multiply. Paper: one rate for all; the
            files of its program have `{"bias": 2.0}`.
        name: Name of the optimizer.
        **kwargs: Further arguments of `keras.optimizers.SGD`.

    Example:

    ```python
    import keras
    from keras_classics.optimizers import CoupledSGD

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(CoupledSGD(0.01, exempt=("bias",)), "mse")
    ```

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with
    Deep Convolutional Neural Networks", NIPS 2012, section 5.
    """

    @arguments(weight_decay=either(NOT_NEGATIVE, BY_NAMES), multipliers=BY_NAMES)
    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        weight_decay: float | Mapping[str, float] = 5e-4,
        exempt: Iterable[str] = (),
        multipliers: Mapping[str, float] = {},
        name: str = "coupled_sgd",
        **kwargs,
    ):
        rate = learning_rate if callable(learning_rate) else float(learning_rate)
        super().__init__(rate, momentum=float(momentum), name=name, **kwargs)
        # The attribute `weight_decay` stays None: by it Keras would decay outside of the velocity.
        self.coupled_weight_decay = (
            dict(weight_decay) if isinstance(weight_decay, Mapping) else weight_decay
        )
        self.exempt = tuple(exempt)
        self.multipliers = dict(multipliers)

    def build(self, variables):
        super().build(variables)
        paths = [variable.path.split("/") for variable in variables]
        self._decays = [self._decay(path) for path in paths]
        self._factors = [math.prod(self.multipliers.get(n, 1.0) for n in path) for path in paths]

    def _decay(self, path):
        decay = self.coupled_weight_decay
        if set(path) & set(self.exempt):
            return 0.0
        return sum(decay.get(name, 0.0) for name in path) if isinstance(decay, dict) else decay

    def update_step(self, gradient, variable, learning_rate):
        # Not a public method, but that by which Keras's own optimizers find a variable's state.
        index = self._get_variable_index(variable)
        if decay := self._decays[index]:
            decay = ops.multiply(ops.cast(decay, variable.dtype), variable)
            gradient = ops.add(ops.cast(gradient, variable.dtype), decay)
        if (factor := self._factors[index]) != 1:
            learning_rate = factor * ops.cast(learning_rate, variable.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {
            **super().get_config(),
            "weight_decay": self.coupled_weight_decay,
            "exempt": list(self.exempt),
            "multipliers": self.multipliers,
        }
