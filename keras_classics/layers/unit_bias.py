"""One bias for each unit (LeCun et al., 1989, section 3.3)."""

import keras
from keras import ops

from keras_classics import activations
from keras_classics.activations import Activation
from keras_classics.checks import arguments
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class UnitBias(keras.layers.Layer):
    """Adds a bias of its own to every unit, then squashes.

        x_i = f(a_i + b_i)

    The units of a map in the 1989 network share their 25 kernel weights, but
    not their biases; a Keras convolution has one bias for each map. Put this
    layer after a convolution with `use_bias=False`.

    Args:
        activation: The squashing function `f`, or `None`. Paper: `scaled_tanh`.
        bias_initializer: Initial `b`. The paper is silent.

    Input and output shape: `(batch, ...)`; the axes after the first must be known.

    Example:

    ```python
    import keras
    from keras_classics.layers import UnitBias

    x = keras.Input((16, 16, 1))
    y = keras.layers.Conv2D(12, 5, strides=2, use_bias=False)(x)
    y = UnitBias(activation="tanh")(y)  # 6 * 6 * 12 biases
    ```

    Reference: LeCun et al., "Backpropagation Applied to Handwritten Zip Code
    Recognition", Neural Computation 1(4), 1989, section 3.3.
    """

    @arguments()
    def __init__(
        self,
        activation: Activation = None,
        bias_initializer: Initializer = "zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(
                "`UnitBias` has a bias for each unit and needs to know how many units "
                f"there are: give the network a full input shape. Received: {input_shape}"
            )
        self.bias = self.add_weight(
            shape=input_shape[1:], initializer=self.bias_initializer, name="bias"
        )

    def call(self, inputs):
        return self.activation(ops.cast(inputs, self.compute_dtype) + self.bias)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
