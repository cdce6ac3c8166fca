"""Convolution with standardized kernels (Qiao et al., 2019)."""

import keras
from keras import ops

from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class StandardizedConv2D(keras.layers.Conv2D):
    """A convolution with kernels of mean 0 and standard deviation 1.

    With the mean `mu_f` and the (biased) standard deviation `sigma_f` of the weights of each
    output map `f`, over the window and all input maps,

        w'[p, q, c, f] = (w[p, q, c, f] - mu_f) / (sigma_f + epsilon)

    replaces `w`. PyTorch's libraries divide by `sqrt(sigma_f^2 + epsilon)`.

    Args:
        filters: Number of output maps.
        kernel_size: Size of the kernels.
        strides: Steps of the kernels.
        padding: `"same"` or `"valid"`. Hybrids of ViT: `"same"`, as TensorFlow pads.
        use_bias: Whether there is a bias. Hybrids of ViT: no, group normalization follows.
        epsilon: Release of ViT: 1e-5.
        **kwargs: Further arguments of `keras.layers.Conv2D`.

    Input and output shape: those of `keras.layers.Conv2D`, channels last.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import StandardizedConv2D

    layer = StandardizedConv2D(64, 7, strides=2)
    layer(np.ones((1, 224, 224, 3), "float32")).shape  # (1, 112, 112, 64)
    ```

    References: Qiao, Wang, Liu, Shen & Yuille, "Micro-Batch Training with Batch-Channel
    Normalization and Weight Standardization", 2019 (arXiv:1903.10520), eq. 9; Dosovitskiy et
    al., ICLR 2021, section 4.1.
    """

    @arguments()
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        use_bias: bool = False,
        epsilon: float = 1e-5,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            **{"data_format": "channels_last", **kwargs},
        )
        self.epsilon = epsilon

    def add_weight(self, *args, name=None, **kwargs):
        # Under mixed precision the kernel stays in float32 until it is standardized.
        return super().add_weight(*args, name=name, autocast=name != "kernel", **kwargs)

    def convolution_op(self, inputs, kernel):
        kernel = ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
        kernel = kernel - ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(kernel), axis=(0, 1, 2), keepdims=True))
        kernel = kernel / (deviation + self.epsilon)
        inputs, kernel = (ops.cast(x, self.compute_dtype) for x in (inputs, kernel))
        return super().convolution_op(inputs, kernel)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
