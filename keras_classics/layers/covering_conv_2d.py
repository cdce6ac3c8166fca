"""A convolution with a kernel as large as the map (LeCun et al., 1998, layer C5)."""

import keras
from keras import ops

from keras_classics import activations
from keras_classics.activations import Activation
from keras_classics.checks import arguments
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class CoveringConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, as one matrix product where the kernel covers the map.

    With the kernel `w_i` of output map `i` and the input maps `x`,

        y_i = f(sum x * w_i + b_i)

    at each position of the kernel. LeNet-5's C5 has one position, a 5x5 kernel
    on maps of 5x5. It is a full connection, and is computed as one, in a fifth of
    the training time of a convolution. The paper calls it a convolution because a
    larger image has more positions; there, this layer computes a convolution.

    Args:
        filters: Number of output maps. Paper: 120.
        kernel_size: An integer or a pair `(rows, columns)`. Paper: 5.
        activation: The squashing function `f`, or `None`. Paper: `scaled_tanh`.
        use_bias: Whether each output map has a bias `b_i`.
        kernel_initializer: Initial `w`.
        bias_initializer: Initial `b`.
        **kwargs: Further arguments of `keras.layers.Conv2D`.

    Shapes and weights are those of `keras.layers.Conv2D`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import CoveringConv2D

    CoveringConv2D(120, 5)(np.ones((1, 5, 5, 16), "float32")).shape  # (1, 1, 1, 120)
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, section II.B.
    """

    @arguments()
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            activation=activations.get(activation),
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **{"data_format": "channels_last", **kwargs},
        )

    def convolution_op(self, inputs, kernel):  # (batch, height, width, channels)
        inputs = ops.cast(inputs, self.compute_dtype)
        covers = tuple(inputs.shape[1:]) == tuple(kernel.shape[:3])
        if not covers or self.padding != "valid":
            return super().convolution_op(inputs, kernel)
        products = ops.matmul(
            ops.reshape(inputs, (-1, kernel.shape[0] * kernel.shape[1] * kernel.shape[2])),
            ops.reshape(kernel, (-1, self.filters)),
        )
        return ops.reshape(products, (-1, 1, 1, self.filters))  # (batch, 1, 1, filters)
