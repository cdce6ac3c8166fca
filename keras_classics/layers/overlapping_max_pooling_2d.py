"""Overlapping max pooling (Krizhevsky et al., 2012, section 3.4)."""

import keras
from keras import ops

from keras_classics.checks import PADDING, arguments, refuse_smaller


@keras.saving.register_keras_serializable(package="keras_classics")
class OverlappingMaxPooling2D(keras.layers.MaxPooling2D):
    """Max pooling over windows of `z x z` units, spaced `s < z` units apart.

    With `a` the activities of one channel,

        b_{x,y} = max_{0 <= i, j < z} a_{s x + i, s y + j}

    so that neighbouring windows share `z - s` rows or columns. The paper finds
    that networks overfit slightly less than with `s = z = 2`, which gives an
    output of the same shape.

    Args:
        pool_size: `z`, an integer or a pair `(rows, columns)`. Paper: 3.
        strides: `s`, an integer or a pair, smaller than `pool_size` along each
            axis. Paper: 2.
        padding: `"valid"`, or `"same"`: windows that hang over the edges, for
            `ceil(side / s)` outputs a side. Paper: `"valid"`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, new_height, new_width, channels)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import OverlappingMaxPooling2D

    OverlappingMaxPooling2D()(np.ones((1, 55, 55, 96), "float32")).shape  # (1, 27, 27, 96)
    ```

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with
    Deep Convolutional Neural Networks", NIPS 2012, section 3.4.
    """

    @arguments(padding=PADDING)
    def __init__(
        self,
        pool_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 2,
        padding: str = "valid",
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, **{"data_format": "channels_last", **kwargs})
        if any(s >= z for s, z in zip(self.strides, self.pool_size, strict=True)):
            raise ValueError(
                "Windows overlap only where the stride is smaller than the window: make "
                "`strides` smaller than `pool_size`, or take keras.layers.MaxPooling2D. "
                f"Received: pool_size={pool_size} and strides={strides}"
            )

    def build(self, input_shape):
        if self.padding == "valid":
            refuse_smaller(input_shape, self.pool_size, self.name)

    def call(self, inputs):  # (batch, height, width, channels)
        return super().call(ops.cast(inputs, self.compute_dtype))
