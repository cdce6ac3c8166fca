"""The shortcut without parameters (He et al., 2016, section 3.3, option A)."""

import keras
from keras import ops

from keras_classics.checks import COUNT, arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class IdentityShortcut2D(keras.layers.Layer):
    """The identity, to fewer positions and more maps.

    With `s` the stride and `C` the channels of the input,

        y[i, j, c] = x[s*i, s*j, c]  for c < C,  0 for the other maps

    Args:
        filters: Number of output maps, at least `C`.
        strides: `s`, a positive integer. Paper: 2, where the maps halve their sides.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, ceil(height / s), ceil(width / s), filters)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import IdentityShortcut2D

    IdentityShortcut2D(128)(np.ones((1, 56, 56, 64), "float32")).shape  # (1, 28, 28, 128)
    ```

    Reference: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016, section 3.3 (A): "extra zero entries padded for increasing dimensions".
    """

    @arguments(strides=COUNT)
    def __init__(self, filters: int, strides: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        if input_shape[-1] is None or input_shape[-1] > self.filters:
            raise ValueError(
                "The shortcut adds maps and drops none: `filters` must be at least the number "
                f"of channels, which must be known. Received: filters={self.filters} for "
                f"{input_shape[-1]} channels"
            )

    def call(self, inputs):  # (batch, height, width, channels)
        inputs, step = ops.cast(inputs, self.compute_dtype), self.strides
        # (batch, ceil(height / s), ceil(width / s), channels)
        # The mean of one value: TensorFlow takes twenty times as long for `inputs[:, ::s, ::s]`.
        x = ops.average_pool(inputs, 1, step, data_format="channels_last")
        more = self.filters - inputs.shape[-1]
        return ops.pad(x, [[0, 0]] * 3 + [[0, more]])  # with `filters` for `channels`

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        sides = [None if side is None else -(-side // self.strides) for side in sides]
        return (batch, *sides, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "strides": self.strides}
