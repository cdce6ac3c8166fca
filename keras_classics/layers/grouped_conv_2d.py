"""A convolution in towers (Krizhevsky et al., 2012, section 3.5)."""

import keras
from keras import ops

from keras_classics import activations, backend
from keras_classics.activations import Activation
from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with `groups`, in the form that is fastest on each backend.

    The channels of the input and the kernels of the layer are split into `G`
    groups, in order; with `x^g` the channels and `w^g` the kernels of group `g`,

        y^g = f(w^g * x^g + b^g),   y = [y^1, ..., y^G]

    AlexNet's conv2, conv4 and conv5 read only the maps on their own GPU: two
    groups. Weights have the layout of `keras.layers.Conv2D(groups=...)` (and,
    transposed, of Caffe's). On TensorFlow and JAX, each group is a convolution of its own:
    on a CPU, training with one grouped convolution takes about ten times as long. On
    PyTorch one grouped convolution is faster.

    Args:
        filters: Number of output maps of all groups together.
        kernel_size: An integer or a pair `(rows, columns)`.
        groups: `G`, divides the channels and the filters. Paper: 2, one a GPU.
        strides: An integer or a pair.
        padding: `"valid"` or `"same"`.
        activation: `f`, or `None`.
        **kwargs: Further arguments of `keras.layers.Conv2D`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, new_height, new_width, filters)`.

    Weights: `kernel` of shape `(rows, columns, channels / G, filters)`, the
    groups one after the other along the last axis, and `bias` of shape
    `(filters,)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import GroupedConv2D

    layer = GroupedConv2D(256, 5, groups=2, padding="same")
    layer(np.ones((1, 27, 27, 96), "float32")).shape  # (1, 27, 27, 256)
    layer.kernel.shape  # (5, 5, 48, 256)
    ```

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with
    Deep Convolutional Neural Networks", NIPS 2012, sections 3.2 and 3.5.
    """

    @arguments()
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        groups: int = 2,
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        activation: Activation = None,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            groups=groups,
            strides=strides,
            padding=padding,
            activation=activations.get(activation),
            **{"data_format": "channels_last", **kwargs},
        )

    def convolution_op(self, inputs, kernel):  # (batch, height, width, channels)
        inputs = ops.cast(inputs, self.compute_dtype)
        if backend.convolves_groups():
            return super().convolution_op(inputs, kernel)
        outputs = [
            ops.conv(
                x,
                w,
                strides=self.strides,
                padding=self.padding,
                dilation_rate=self.dilation_rate,
                data_format=self.data_format,
            )
            for x, w in zip(self._groups_of(inputs), self._groups_of(kernel), strict=True)
        ]
        return ops.concatenate(outputs, axis=-1)  # (batch, new_height, new_width, filters)

    def _groups_of(self, x):
        # TensorFlow's gradient of a slice takes ten times as long, and shap's DeepExplainer does
        # not know its way through `ops.split`.
        shape = (*ops.shape(x)[:-1], self.groups, x.shape[-1] // self.groups)
        return ops.unstack(ops.reshape(x, shape), self.groups, axis=-2)
