"""Isotropic rescaling (Krizhevsky et al., 2012, section 2; Simonyan & Zisserman, 2015,
sections 3.1 and 3.2)."""

import keras
from keras import ops

from keras_classics import backend
from keras_classics.checks import arguments
from keras_classics.preprocessing import boxes, windows


@keras.saving.register_keras_serializable(package="keras_classics")
class RescaleShortSide(keras.layers.Layer):
    """Brings the shorter side of an image to a length, and the longer in proportion.

    Of an image of `h` rows and `w` columns,

        (h, w) -> (h, w) * S / min(h, w)

    each rounded to whole pixels, by bilinear interpolation. The papers do not name the
    interpolation. A later tool by the author of AlexNet shrinks by means over areas. Therefore
    `antialias` widens the interpolation where the image shrinks, as Pillow does and
    `tf.image.resize` does not by default.

    A pair is VGG's scale jitter. In training, `S ~ U(S_min, S_max)` over the whole numbers is
    drawn for each image; a batch has one draw, since its images have one size. Outside of
    training, `S = (S_min + S_max) / 2`, VGG's choice at test time.

    Args:
        short_side: `S` in pixels, or a pair `(S_min, S_max)`. AlexNet: 256. VGG: 256, 384
            or `(256, 512)`.
        antialias: Whether every pixel of a shrunk image counts. `False` takes a sixth of the
            time in `tf.data`; little is lost if images shrink by a factor below 2.
        seed: Seed of the draws of `S`.

    Input shape: `(height, width, channels)` or `(batch, height, width, channels)`, of any
    size, which `tf.data` need not know. A drawn `S` changes the shapes, which JAX does not
    allow within a compiled function.

    Output shape: the same with the new height and width.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import RescaleShortSide

    layer = RescaleShortSide(32)
    print(layer(np.random.uniform(0, 255, (60, 90, 3))).shape)  # (32, 48, 3)
    ```

    References: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NIPS 2012, section 2; Simonyan & Zisserman, "Very Deep
    Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, sections 3.1, 3.2.
    """

    @arguments()
    def __init__(
        self,
        short_side: int | tuple[int, int] = 256,
        antialias: bool = True,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        ends = boxes.pair(short_side)
        self.short_side = short_side
        self.ends = ends
        self.antialias = antialias
        self.seed = seed
        self.supports_jit = ends[0] == ends[1]
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4)
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):  # (..., height, width, channels)
        images = boxes.rescale(images, self._draw(training), self.antialias)
        return ops.cast(images, self.compute_dtype)

    def window(self, sides, training):  # of a photograph that is still to be decoded
        if not self.antialias:
            return None
        size = boxes.sides_for(sides, self._draw(training))
        return windows.Window((0, 0, *sides), size, (0, 0, *size), short=self.ends[0])

    def _draw(self, training):
        smallest, largest = self.ends
        if not training or smallest == largest:
            return (smallest + largest) // 2
        number = keras.random.uniform((), dtype="float32", seed=self._seeds)
        drawn = smallest + ops.floor(number * (largest + 1 - smallest))
        return backend.as_length(ops.cast(drawn, "int32"))

    def compute_output_shape(self, input_shape):
        *batch, height, width, channels = input_shape
        smallest, largest = self.ends
        if None in (height, width) or smallest < largest:
            return (*batch, None, None, channels)
        shorter = min(height, width)
        new = [(side * smallest + shorter // 2) // shorter for side in (height, width)]
        return (*batch, *new, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "short_side": self.short_side,
            "antialias": self.antialias,
            "seed": self.seed,
        }
