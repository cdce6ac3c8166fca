"""Response normalization within a map (Krizhevsky, cuda-convnet, 2011)."""

import keras
from keras import ops

from keras_classics.checks import COUNT, arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class MapResponseNormalization(keras.layers.Layer):
    """Divides each unit by the energy of its neighbours in the same map.

    With `a_xy` the activity of a map at one position, and the sum over the window of `n x n`
    positions centred on it, of which those outside the map count nothing,

        b_xy = a_xy / (k + alpha * sum_{x'y'} a_x'y'^2) ** beta

    `LocalResponseNormalization` sums over neighbouring maps at one position instead. `alpha`
    multiplies the *sum*. The program's file has `scale`, which it divides by `n ** 2`; so does
    Caffe's `WITHIN_CHANNEL`.

    Args:
        size: `n`. Program: 3.
        bias: `k`, positive. Program: 1.
        alpha: `alpha`, not negative. Program: 5e-5 / 9.
        beta: `beta`, not negative. Program: 0.75.

    Input and output shape: `(batch, height, width, channels)`.

    The sum is taken in float32, or wider, whatever the layer's dtype policy.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import MapResponseNormalization

    maps = np.random.normal(0, 50, (1, 16, 16, 32)).astype("float32")
    MapResponseNormalization()(maps).shape  # (1, 16, 16, 32)
    ```

    Reference: Krizhevsky, cuda-convnet, 2011, `layers-18pct.cfg` and `conv_util.cu`.
    """

    @arguments(size=COUNT)
    def __init__(
        self,
        size: int = 3,
        bias: float = 1.0,
        alpha: float = 5e-5 / 9,
        beta: float = 0.75,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = size
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):  # (batch, height, width, channels)
        x = ops.cast(inputs, self.compute_dtype)
        a = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        before, after = self.size // 2, (self.size - 1) // 2
        squares = ops.pad(ops.square(a), [[0, 0], [before, after], [before, after], [0, 0]])
        means = ops.average_pool(squares, self.size, 1, data_format="channels_last")
        energy = self.bias + self.alpha * self.size**2 * means
        return ops.cast(a * ops.power(energy, -self.beta), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
        }
