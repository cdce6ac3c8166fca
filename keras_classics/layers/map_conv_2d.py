"""Convolution over a connection table (LeCun et al., 1998, Table I)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_classics import activations
from keras_classics.activations import Activation
from keras_classics.checks import FROM_0, PADDING, Rule, arguments, refuse_smaller, several
from keras_classics.initializers import Initializer

TABLE = Rule("lists of input maps, whole numbers from 0", several(several(FROM_0)).holds)


@keras.saving.register_keras_serializable(package="keras_classics")
class MapConv2D(keras.layers.Layer):
    """A convolution in which each output map reads its own choice of input maps.

    With `M_i` the input maps that output map `i` reads and `w_im` the kernel of
    the link from map `m` to map `i`,

        y_i = f(sum_{m in M_i} w_im * x_m + b_i)

    Only the links of the table have weights: LeNet-5's C3 has 60 kernels, 1,516
    parameters with its biases, where a `keras.layers.Conv2D` has 96 and 2,416.
    The layer writes them into a kernel of the full shape, with zeros elsewhere, and
    computes one convolution. It is as fast as the full convolution; sixteen
    small convolutions take eight times as long.

    Args:
        filters: Number of output maps.
        kernel_size: An integer or a pair `(rows, columns)`. Paper: 5.
        connections: For each output map, the list of the input maps `M_i` that
            it reads, counted from 0.
        strides: An integer or a pair. Paper: 1.
        padding: `"valid"` or `"same"`. Paper: `"valid"`.
        activation: The squashing function `f`, or `None`.
        use_bias: Whether each output map has a bias `b_i`.
        kernel_initializer: Initial `w`, drawn for each output map separately,
            with the shape `(rows, columns, len(M_i), 1)`. So each map has the
            fan-in of its own links.
        bias_initializer: Initial `b`.

    All but `connections` mean what they mean in `keras.layers.Conv2D`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, new_height, new_width, filters)`.

    Weights: `kernel` of shape `(rows, columns, links)`, the links in the order
    of the table, and `bias` of shape `(filters,)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import MapConv2D

    layer = MapConv2D(3, 5, connections=[[0, 1], [1, 2], [0, 1, 2]])
    layer(np.ones((1, 14, 14, 3), "float32")).shape  # (1, 10, 10, 3)
    layer.kernel.shape  # (5, 5, 7)
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, section II.B, Table I.
    """

    @arguments(padding=PADDING, connections=TABLE)
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        connections: Sequence[Sequence[int]],
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        table = tuple(tuple(int(m) for m in maps) for maps in connections)
        if len(table) != filters:
            raise ValueError(
                "`connections` must hold one list of input maps for each of the output maps. "
                f"Received: filters={filters} and {len(table)} lists"
            )
        for i, maps in enumerate(table):
            if len(set(maps)) < len(maps):
                raise ValueError(
                    "Each list of `connections` must name no input map twice. "
                    f"Received: connections[{i}]={list(maps)}"
                )
        self.filters = filters
        self.kernel_size = kernel_size
        self.connections = table
        self.strides = strides
        self.padding = padding
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = input_shape[-1]
        highest = max(max(maps) for maps in self.connections)
        if highest >= channels:
            raise ValueError(
                f"`connections` reads input map {highest}, but the input of layer "
                f"{self.name!r} has the maps 0 to {channels - 1}. Received: shape {input_shape}"
            )
        size = self.kernel_size
        self._window = (size, size) if isinstance(size, int) else tuple(size)
        if self.padding == "valid":
            refuse_smaller(input_shape, self._window, self.name)
        # Row l places link l in the (channels, filters) plane of the full kernel.
        links = [(m, i) for i, maps in enumerate(self.connections) for m in maps]
        self._placement = np.zeros((len(links), channels * self.filters), "float32")
        for link, (m, i) in enumerate(links):
            self._placement[link, m * self.filters + i] = 1
        self.kernel = self.add_weight(
            shape=(*self._window, len(links)), initializer=self._start, name="kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer=self.bias_initializer, name="bias"
            )

    def _start(self, shape, dtype):
        kernels = []
        for i, maps in enumerate(self.connections):
            initializer = self.kernel_initializer
            if isinstance(initializer, keras.initializers.Initializer):
                config = initializer.get_config()
                seed = config.get("seed")
                if seed is None or isinstance(seed, int):
                    # One instance draws the same at each call; a seed generator moves on.
                    more = {} if seed is None else {"seed": seed + i}
                    initializer = initializer.from_config({**config, **more})
            kernels.append(initializer((*self._window, len(maps), 1), dtype=dtype)[..., 0])
        return ops.concatenate(kernels, axis=-1)

    def full_kernel(self, kernel):
        """Writes `(rows, columns, links)` into `(rows, columns, channels, filters)`."""
        placement = ops.convert_to_tensor(self._placement, dtype=kernel.dtype)
        full = ops.matmul(ops.reshape(kernel, (-1, kernel.shape[-1])), placement)
        return ops.reshape(full, (*self._window, -1, self.filters))

    def convolution_op(self, inputs, kernel):
        """The weighted sums without the biases, for a kernel `(rows, columns, links)`."""
        return ops.conv(
            ops.cast(inputs, self.compute_dtype),
            self.full_kernel(kernel),
            strides=self.strides,
            padding=self.padding,
            data_format="channels_last",
        )

    def call(self, inputs):  # (batch, height, width, channels)
        outputs = self.convolution_op(inputs, ops.convert_to_tensor(self.kernel))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)  # which TensorFlow fuses, and `+` it does not
        return self.activation(outputs)  # (batch, new_height, new_width, filters)

    def compute_output_shape(self, input_shape):
        size, strides = (
            (value, value) if isinstance(value, int) else value
            for value in (self.kernel_size, self.strides)
        )
        lost = (0, 0) if self.padding == "same" else (size[0] - 1, size[1] - 1)
        sides = [
            None if side is None else -(-(side - less) // stride)
            for side, less, stride in zip(input_shape[1:3], lost, strides, strict=True)
        ]
        return (input_shape[0], *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "connections": [list(maps) for maps in self.connections],
            "strides": self.strides,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
