"""A convolution with other kernels at each position (Krizhevsky, 2011)."""

import keras
import numpy as np
from keras import ops

from keras_classics import activations
from keras_classics.activations import Activation
from keras_classics.checks import PADDING, arguments
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class LocallyConnected2D(keras.layers.Layer):
    """A convolution with weights of its own at every position.

    With `x_p` the window of the input around position `p`, a vector of
    `rows * columns * channels` values, and `W_p` and `b_p` that position's own,

        y_p = f(x_p W_p + b_p)

    The last two hidden layers of the CIFAR-10 networks behind AlexNet's section
    3.3. Keras had this layer until version 2.

    Args:
        filters: Number of output maps.
        kernel_size: An integer or a pair `(rows, columns)`. Paper: 3.
        padding: `"valid"` or `"same"`. Paper: `"same"`.
        activation: `f`, or `None`. Paper: ReLU.
        kernel_initializer: Initial `W`; the fan-in that it sees is that of one window.
            Default, and paper: normal, standard deviation 0.04.
        bias_initializer: Initial `b`. Paper: zero.

    Input shape: `(batch, height, width, channels)`, height and width known.

    Output shape: `(batch, new_height, new_width, filters)`.

    Weights: `kernel` of shape `(positions, rows * columns * channels, filters)`
    and `bias` of shape `(new_height, new_width, filters)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import LocallyConnected2D

    layer = LocallyConnected2D(32, 3, padding="same", activation="relu")
    layer(np.ones((1, 6, 6, 64), "float32")).shape  # (1, 6, 6, 32)
    layer.kernel.shape  # (36, 576, 32)
    ```

    Reference: Krizhevsky, cuda-convnet, the networks `layers-conv-local-13pct`
    and `layers-conv-local-11pct`, to which footnote 3 of "ImageNet
    Classification with Deep Convolutional Neural Networks", NIPS 2012, points.
    """

    @arguments(padding=PADDING)
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        padding: str = "valid",
        activation: Activation = None,
        kernel_initializer: Initializer = None,
        bias_initializer: Initializer = "zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.padding = padding
        self.activation = activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    @property
    def _window(self):
        size = self.kernel_size
        return (size, size) if isinstance(size, int) else tuple(size)

    def build(self, input_shape):
        _, height, width, filters = self.compute_output_shape(input_shape)
        if None in (height, width) or min(height, width) < 1:
            raise ValueError(
                "Weights of its own for every position need a known height and width, at least "
                f"the kernel's. Received: shape {input_shape}, kernel_size={self.kernel_size}"
            )
        rows, columns = self._window
        self.kernel = self.add_weight(
            shape=(height * width, rows * columns * input_shape[-1], filters),
            initializer=self._start,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(height, width, filters), initializer=self.bias_initializer, name="bias"
        )

    def _start(self, shape, dtype):
        positions, window, filters = shape
        draw = self.kernel_initializer or keras.initializers.RandomNormal(stddev=0.04)
        start = ops.reshape(draw((window, positions * filters), dtype=dtype), (window, -1, filters))
        return ops.transpose(start, (1, 0, 2))

    def call(self, inputs):  # (batch, height, width, channels)
        _, height, width, filters = self.compute_output_shape(inputs.shape)
        if self.padding == "same":
            edges = [((size - 1) // 2, size // 2) for size in self._window]
            inputs = ops.pad(inputs, [(0, 0), *edges, (0, 0)])
        # (positions, batch, rows * columns * channels)
        x = ops.transpose(self._windows(inputs), (1, 0, 2))
        x = ops.transpose(ops.matmul(x, self.kernel), (1, 0, 2))  # (batch, positions, filters)
        x = ops.reshape(x, (-1, height, width, filters))
        return self.activation(x + self.bias)  # (batch, new_height, new_width, filters)

    def _windows(self, inputs):
        """`x_p` for all positions, `(batch, positions, rows * columns * channels)`.

        A gather takes a third of the time of `ops.image.extract_patches`, a convolution.
        """
        _, *sides, channels = inputs.shape
        index = np.arange(np.prod(sides)).reshape(sides)
        windows = np.lib.stride_tricks.sliding_window_view(index, self._window)
        positions = windows.shape[0] * windows.shape[1]
        windows = windows.reshape(positions, -1)  # (positions, rows * columns)
        x = ops.take(ops.reshape(inputs, (-1, index.size, channels)), windows, axis=1)
        return ops.reshape(x, (-1, positions, windows.shape[1] * channels))

    def compute_output_shape(self, input_shape):
        lost = (0, 0) if self.padding == "same" else [size - 1 for size in self._window]
        sides = [
            None if side is None else side - less
            for side, less in zip(input_shape[1:3], lost, strict=True)
        ]
        return (input_shape[0], *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
