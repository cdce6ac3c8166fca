"""Average pooling over windows that hang over the edges of the map (Krizhevsky, 2011)."""

import keras
from keras import ops

from keras_classics import backend
from keras_classics.checks import PADDING, arguments, refuse_smaller


@keras.saving.register_keras_serializable(package="keras_classics")
class AveragePooling2D(keras.layers.AveragePooling2D):
    """`keras.layers.AveragePooling2D`, with the same values on all backends.

    With `W` the positions of a window that lie inside of the map, and `|W|` their number,

        y = sum_{p in W} x_p / |W|

    With `padding="same"`, windows hang over the edges. On PyTorch, Keras's own layer then
    repeats the values at the edge, and counts them twice, if the windows hang over two opposite
    edges by different widths. The sum is taken in float32, or wider, whatever the layer's dtype
    policy: on JAX Keras's own is rounded after each value.

    Args:
        pool_size: Window, an integer or a pair `(rows, columns)`. Paper: 3.
        strides: Steps of the window, an integer or a pair. Paper: 2.
        padding: `"same"` for `ceil(side / stride)` outputs a side, or `"valid"`. Paper: `"same"`.
        **kwargs: Further arguments of `keras.layers.AveragePooling2D`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, new_height, new_width, channels)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import AveragePooling2D

    maps = np.ones((1, 32, 32, 8), "float32")
    AveragePooling2D()(maps)  # ones, (1, 16, 16, 8)
    ```

    Reference: Krizhevsky, cuda-convnet, the network `layers-80sec`, to which footnote 3 of
    "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, points.
    """

    @arguments(padding=PADDING)
    def __init__(
        self,
        pool_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 2,
        padding: str = "same",
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, **{"data_format": "channels_last", **kwargs})

    def build(self, input_shape):
        if self.padding == "valid":
            refuse_smaller(input_shape, self.pool_size, self.name)

    def call(self, inputs):  # (batch, height, width, channels)
        dtype = self.compute_dtype
        x = ops.cast(ops.cast(inputs, dtype), keras.backend.result_type(dtype, "float32"))
        if self.padding == "valid" or backend.averages_inside():
            y = super().call(x)
        else:
            sums, shares = (self._average(maps) for maps in (x, ops.ones_like(x[:1, ..., :1])))
            y = sums / shares
        return ops.cast(y, dtype)  # (batch, new_height, new_width, channels)

    def _average(self, x):
        """The average with zeros around the map, as many as Keras adds values."""
        zeros = [[0, 0]]
        for side, size, step in zip(x.shape[1:3], self.pool_size, self.strides, strict=True):
            missing = max((-(-side // step) - 1) * step + size - side, 0)
            zeros.append([missing // 2, missing - missing // 2])
        x = ops.pad(x, [*zeros, [0, 0]])
        return ops.average_pool(x, self.pool_size, self.strides, "valid", self.data_format)
