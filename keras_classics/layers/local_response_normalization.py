"""Local response normalization (Krizhevsky et al., 2012, section 3.3)."""

import keras
import numpy as np
from keras import ops

from keras_classics import backend
from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each channel by the energy of its neighbouring channels.

    With `a_i` the activity of channel `i` at one position, `N` channels and
    the sum over the `n` channels centred on `i`,

        b_i = a_i / (k + alpha * sum_{j=max(0, i-n/2)}^{min(N-1, i+n/2)} a_j^2) ** beta

    `alpha` multiplies the *sum*, as printed in the paper, and as in
    `tf.nn.local_response_normalization`. Other programs divide it by `n`:

    | to reproduce (odd size, k, alpha)          | depth_radius | bias   | alpha        |
    |--------------------------------------------|--------------|--------|--------------|
    | `torch.nn.LocalResponseNorm`, Caffe        | size // 2    | k      | alpha / size |
    | Caffe's AlexNet and GoogLeNet (5, 1, 1e-4) | 2            | 1      | 2e-5         |
    | cuda-convnet2                              | size // 2    | minDiv | scale / size |
    | its AlexNet (5, 2, 1e-4)                   | 2            | 2      | 2e-5         |

    Args:
        depth_radius: `n / 2` rounded down, channels on each side. Paper: 2, `n` being 5.
        bias: `k`, positive. Paper: 2.
        alpha: `alpha`, not negative. Paper: 1e-4.
        beta: `beta`, not negative. Paper: 0.75.
        groups: Equal parts of the channels, each normalized alone: `N` is the channels of one.
            Paper: 1, for "N is the total number of kernels in the layer"; 2 in cuda-convnet2's
            network for two GPUs, where each normalizes its own maps.

    Input and output shape: `(batch, height, width, channels)`.

    The sum is taken in float32, or wider, whatever the layer's dtype policy.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import LocalResponseNormalization

    maps = np.random.normal(0, 50, (1, 55, 55, 96)).astype("float32")
    LocalResponseNormalization()(maps).shape  # (1, 55, 55, 96)
    ```

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with
    Deep Convolutional Neural Networks", NIPS 2012, section 3.3.
    """

    @arguments()
    def __init__(
        self,
        depth_radius: int = 2,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        groups: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.depth_radius = depth_radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.groups = groups
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        if input_shape[-1] is not None and input_shape[-1] % self.groups:
            raise ValueError(
                "The channels must be a multiple of the groups. "
                f"Received: {input_shape[-1]} channels, groups={self.groups}"
            )

    def call(self, inputs):  # (batch, height, width, channels)
        x = ops.cast(inputs, self.compute_dtype)
        shape = ops.shape(x)
        if self.groups > 1:  # the maps of each group, as columns of their own
            x = ops.reshape(x, (-1, shape[1], shape[2] * self.groups, shape[3] // self.groups))
        y = backend.with_gradient(backend.in_one_pass(self._normalized, x))(x)
        return ops.reshape(y, (-1, *shape[1:])) if self.groups > 1 else y

    def _normalized(self, x):
        dtype, x = x.dtype, ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        energy = self.bias + self._sum(self.alpha, ops.square(x))
        root = ops.rsqrt(energy)
        # Two roots take a third of the time of a power.
        scale = root * ops.sqrt(root) if self.beta == 0.75 else ops.power(energy, -self.beta)

        def gradient(upstream):  # half the passes over memory of automatic differentiation
            through = ops.cast(upstream, x.dtype) * scale
            sums = self._sum(2 * self.alpha * self.beta, through * x / energy)
            return ops.cast(through - x * sums, dtype)

        return ops.cast(x * scale, dtype), gradient

    def _sum(self, factor, values):
        """`factor` times the sum over each channel's window."""
        radius, channels = self.depth_radius, values.shape[-1]
        if backend.fuses():
            padded = ops.pad(values, [[0, 0]] * 3 + [[radius, radius]])
            return factor * sum(padded[..., j : j + channels] for j in range(2 * radius + 1))
        index = np.arange(channels)
        band = factor * (abs(index[:, None] - index) <= radius)
        # A product of two matrices: where one has four axes, tf2onnx at times takes a wrong shape.
        rows = ops.reshape(values, (-1, channels))
        sums = ops.matmul(rows, ops.convert_to_tensor(band, values.dtype))
        return ops.reshape(sums, (-1, *ops.shape(values)[1:]))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "depth_radius": self.depth_radius,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
            "groups": self.groups,
        }
