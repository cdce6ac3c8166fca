"""Stochastic gradient descent with decay inside the velocity (Krizhevsky et al., 2012)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_classics")
class CoupledSGD(keras.optimizers.SGD):
    """Momentum with the weight decay inside the velocity, scaled by the learning rate.

    With `w` a weight, `v` its velocity and `g` the mean gradient of a batch,

        v <- momentum * v - decay * learning_rate * w - learning_rate * g
        w <- w + v

    AlexNet, VGG and ResNet train by this rule. `keras.optimizers.SGD(weight_decay=...)`
    is another: it takes `weight_decay * learning_rate * w` off the weight, outside of
    the velocity, from every variable. In Keras's terms the rule is an L2 regularizer
    of `decay / 2`, without its part in the reported loss.

    Args:
        learning_rate: A number or a `keras.optimizers.schedules.LearningRateSchedule`.
            Paper: 0.01.
        momentum: Share of the velocity that is kept, from 0 to 1. Paper: 0.9.
        decay: Weight decay, a number. Paper: 0.0005.
        exempt: Names of variables, or of layers, that do not decay, such as `("bias",)`.
            The paper's rule speaks of "the weights"; its program decayed no biases.
        **kwargs: Further arguments of `keras.optimizers.SGD`, but `weight_decay`.

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with
    Deep Convolutional Neural Networks", NIPS 2012, section 5.
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.9,
        decay=5e-4,
        exempt=(),
        name="coupled_sgd",
        **kwargs,
    ):
        if kwargs.get("weight_decay") is not None:
            raise ValueError(
                "`weight_decay` is Keras's decoupled decay: give `decay`, which goes into the "
                f"velocity. Received: weight_decay={kwargs['weight_decay']}"
            )
        if decay < 0:
            raise ValueError(f"`decay` must not be negative. Received: decay={decay}")
        if isinstance(exempt, str):
            raise ValueError(
                "`exempt` must be a collection of names, such as `('bias',)`. "
                f"Received: exempt={exempt!r}"
            )
        super().__init__(learning_rate, momentum=float(momentum), name=name, **kwargs)
        self.decay = decay
        self.exempt = tuple(exempt)

    def build(self, variables):
        super().build(variables)
        self._decays = [not set(v.path.split("/")) & set(self.exempt) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        if self._decays[self._get_variable_index(variable)]:
            decay = ops.multiply(ops.cast(self.decay, variable.dtype), variable)
            gradient = ops.add(ops.cast(gradient, variable.dtype), decay)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "decay": self.decay, "exempt": list(self.exempt)}
