"""Trainable subsampling (LeCun et al., 1998, section II.B)."""

import math

import keras
from keras import ops

from keras_classics import activations, backend
from keras_classics.activations import Activation
from keras_classics.checks import arguments, refuse_smaller
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class ScaledSubsampling2D(keras.layers.Layer):
    """Adds up each window, scales the sum, adds a bias, then squashes.

    With `c_m` and `b_m` the coefficient and the bias of map `m`, and the sum
    over the inputs `x_j` of that map in one window,

        y = f(c_m * sum_j x_j + b_m)

    The windows do not overlap. `keras.layers.AveragePooling2D` takes the mean
    and has neither coefficient, bias nor squashing.

    Args:
        pool_size: Window, an integer or a pair `(rows, columns)`. Paper: 2.
        activation: The squashing function `f`, or `None`. Paper: `scaled_tanh`.
        coefficient_initializer: Initial `c`. The paper is silent. Default: 1 divided by
            the number of inputs in a window, which gives their mean.
        bias_initializer: Initial `b`. The paper is silent.
        depth_multiplier: Outputs of each map, with a coefficient and a bias each. Paper: 1, and 2
            in LeNet-4. The outputs of the first map are the first.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, height // rows, width // columns, channels * depth_multiplier)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import ScaledSubsampling2D

    layer = ScaledSubsampling2D(2, activation="tanh")
    layer(np.ones((1, 28, 28, 6), "float32")).shape  # (1, 14, 14, 6)
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, section II.B.
    """

    @arguments()
    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        activation: Activation = None,
        coefficient_initializer: Initializer = None,
        bias_initializer: Initializer = "zeros",
        depth_multiplier: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.window = (pool_size, pool_size) if isinstance(pool_size, int) else tuple(pool_size)
        self.activation = activations.get(activation)
        self.coefficient_initializer = keras.initializers.get(coefficient_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.depth_multiplier = depth_multiplier
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        refuse_smaller(input_shape, self.window, self.name)
        shape = (input_shape[-1] * self.depth_multiplier,)
        mean = keras.initializers.Constant(1 / math.prod(self.window))
        self.coefficient = self.add_weight(
            shape=shape, initializer=self.coefficient_initializer or mean, name="coefficient"
        )
        self.bias = self.add_weight(shape=shape, initializer=self.bias_initializer, name="bias")

    def scaled_sum(self, inputs, coefficient):
        """`c_m * sum_j x_j`, the weighted sums without their biases."""
        means = backend.window_means(ops.cast(inputs, self.compute_dtype), self.window)
        if self.depth_multiplier > 1:
            means = ops.repeat(means, self.depth_multiplier, axis=-1)
        factor = math.prod(self.window) * coefficient  # the paper adds, it does not average
        return _of_units(factor, means) * means

    def call(self, inputs):  # (batch, height, width, channels)
        sums = self.scaled_sum(inputs, ops.convert_to_tensor(self.coefficient))
        bias = _of_units(ops.convert_to_tensor(self.bias), sums)
        return self.activation(sums + bias)  # (batch, new_height, new_width, maps)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [
            None if side is None else side // window
            for side, window in zip(sides, self.window, strict=True)
        ]
        return (batch, *sides, channels * self.depth_multiplier)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "activation": keras.activations.serialize(self.activation),
            "coefficient_initializer": keras.initializers.serialize(self.coefficient_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "depth_multiplier": self.depth_multiplier,
        }


def _of_units(values, maps):
    """Repeats what each map has for its units: `(channels,)` to `(height, width, channels)`.

    TensorFlow takes three times as long to multiply or add as few numbers as there are channels.
    """
    return ops.broadcast_to(values, ops.shape(maps)[1:])
