"""Planar affine distortions of digits (LeCun et al., 1998, section III.B)."""

import keras
from keras import ops

from keras_classics.checks import RATE, arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class PlanarDistortion(keras.layers.Layer):
    """Shifts, scales, squeezes and shears each image at random, in training only.

    A point at `(u, v)` from the image's centre (columns, rows) moves to

        u' = s q (u + h v) + t_u
        v' = s / q v + t_v

    with a shift `t`, a scale `s`, a squeeze `q` (horizontal compression with
    vertical elongation, or the reverse) and a horizontal shear `h`, each drawn
    evenly for each image. The paper names these distortions, but gives no ranges.
    The default ranges are this library's choice.

    Args:
        shift: Largest shift along each axis, in pixels: `t ~ U(-shift, shift)`.
        scale: Largest change of size: `s ~ U(1 - scale, 1 + scale)`.
        squeeze: `q ~ U(1 - squeeze, 1 + squeeze)`.
        shear: `h ~ U(-shear, shear)`.
        background: Value of the pixels from outside the image. Paper: -0.1.
        share: Share of the images that are distorted. Paper: 0.9 (540,000
            distorted images beside the 60,000 originals).
        seed: Seed of the draws.

    Input and output shape: `(height, width, channels)` or `(batch, height, width, channels)`.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import PlanarDistortion

    digits = np.random.uniform(-0.1, 1.175, (2, 32, 32, 1))
    print(PlanarDistortion()(digits, training=True).shape)  # (2, 32, 32, 1)
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, section III.B.
    """

    @arguments(scale=RATE, squeeze=RATE)
    def __init__(
        self,
        shift: float = 2.0,
        scale: float = 0.15,
        squeeze: float = 0.15,
        shear: float = 0.3,
        background: float = -0.1,
        share: float = 0.9,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.shift = shift
        self.scale = scale
        self.squeeze = squeeze
        self.shear = shear
        self.background = background
        self.share = share
        self.seed = seed
        self.supports_jit = False  # TensorFlow's affine transform does not compile with XLA
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):  # (..., height, width, channels)
        inputs = ops.cast(inputs, self.compute_dtype)
        if not training:
            return inputs
        if len(inputs.shape) == 3:
            return self.call(inputs[None], training)[0]
        batch = ops.shape(inputs)[0]
        height, width = inputs.shape[1:3]

        def draw(low, high):
            return keras.random.uniform((batch,), low, high, seed=self._seeds)

        on = ops.cast(draw(0, 1) < self.share, "float32")
        s = 1 + on * draw(-self.scale, self.scale)
        q = 1 + on * draw(-self.squeeze, self.squeeze)
        h = on * draw(-self.shear, self.shear)
        t_u = on * draw(-self.shift, self.shift)
        t_v = on * draw(-self.shift, self.shift)
        # The eight numbers are the inverse: they say where each pixel of the output comes from.
        across, down = 1 / (s * q), q / s
        slant = -h * down
        u0, v0 = (width - 1) / 2, (height - 1) / 2
        zero = ops.zeros_like(s)
        from_u = u0 - across * (u0 + t_u) - slant * (v0 + t_v)
        from_v = v0 - down * (v0 + t_v)
        transforms = [across, slant, from_u, zero, down, from_v, zero, zero]
        return ops.image.affine_transform(
            inputs,
            ops.stack(transforms, axis=-1),
            interpolation="bilinear",
            fill_mode="constant",
            fill_value=self.background,
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "shift": self.shift,
            "scale": self.scale,
            "squeeze": self.squeeze,
            "shear": self.shear,
            "background": self.background,
            "share": self.share,
            "seed": self.seed,
        }
