"""A convolution with equal padding on all sides (He et al., 2016)."""

import keras
import numpy as np
from keras import ops

from keras_classics.checks import arguments
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class SymmetricConv2D(keras.layers.Conv2D):
    """A convolution of odd kernel size `k` with `k // 2` zeros on every side.

    With `s` the stride, `w` the kernels and `x` zero outside of the image,

        y[i, j, f] = b_f + sum_{p, q, c} w[p, q, c, f] * x[s*i + p - k//2, s*j + q - k//2, c]

    Output `(i, j)` is centred on input `(s*i, s*j)`, which a shortcut of the same stride
    passes on. Caffe and PyTorch pad in this way. Keras's `padding="same"` is the same at
    stride 1; at stride 2 on an even side it starts half a stride later.

    Weights files keep the stride. A network with the stride in another layer (ResNet's
    `stride_in`) refuses them: its weights have the same shapes, but another meaning.

    Args:
        filters: Number of output maps.
        kernel_size: `k`, an odd integer.
        strides: `s`, an integer.
        use_bias: Whether there is a `b`. Paper: no, batch normalization follows.
        kernel_initializer: Initial kernels.
        **kwargs: Further arguments of `keras.layers.Conv2D`, but `padding`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, ceil(height / s), ceil(width / s), filters)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import SymmetricConv2D

    layer = SymmetricConv2D(64, 7, strides=2)
    layer(np.ones((1, 224, 224, 3), "float32")).shape  # (1, 112, 112, 64)
    ```

    Reference: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016, whose released networks pad in this way.
    """

    @arguments()
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        use_bias: bool = False,
        kernel_initializer: Initializer = "glorot_uniform",
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **{"data_format": "channels_last", "padding": "same", **kwargs},
        )
        if self.data_format != "channels_last" or self.padding != "same":
            raise ValueError(
                "The padding is fixed, and channels come last. Received: "
                f"padding={self.padding!r}, data_format={self.data_format!r}"
            )
        if len(set(self.strides)) > 1:
            raise ValueError(
                f"`strides` must be one integer for both sides. Received: strides={strides}"
            )
        if any(side % 2 == 0 for side in self.kernel_size) or self.dilation_rate != (1, 1):
            raise ValueError(
                "`kernel_size` must be odd, so that both sides can have the same zeros, and the "
                f"kernel is not dilated. Received: kernel_size={kernel_size}, "
                f"dilation_rate={self.dilation_rate}"
            )

    def convolution_op(self, inputs, kernel):  # (batch, height, width, channels)
        inputs = ops.cast(inputs, self.compute_dtype)
        if self.strides == (1, 1) or self.kernel_size == (1, 1):
            return super().convolution_op(inputs, kernel)  # (batch, height, width, filters)
        zeros = [[0, 0], *([side // 2, side // 2] for side in self.kernel_size), [0, 0]]
        return ops.conv(
            ops.pad(inputs, zeros), kernel, self.strides, "valid", data_format="channels_last"
        )  # (batch, ceil(height / s), ceil(width / s), filters)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["strides"] = np.array(self.strides)

    def load_own_variables(self, store):
        arrays = {name: store[name] for name in store.keys()}  # noqa: SIM118 it has no iterator
        theirs = tuple(int(s) for s in arrays.pop("strides", self.strides))
        if theirs != self.strides:
            raise ValueError(
                f"These weights were made for a stride of {theirs[0]} in {self.name}, which has "
                f"{self.strides[0]} here: they are another network's. Build a ResNet with the "
                "depth and the stride_in that the weights were made with."
            )
        super().load_own_variables(arrays)
