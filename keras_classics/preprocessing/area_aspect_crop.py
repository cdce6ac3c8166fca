"""Patches of random area and shape (Szegedy et al., 2015, section 6)."""

import math

import keras
from keras import ops

from keras_classics.checks import arguments
from keras_classics.preprocessing import boxes, windows


@keras.saving.register_keras_serializable(package="keras_classics")
class AreaAspectCrop(keras.layers.Layer):
    """Resizes a patch of random area, aspect ratio and position to one size, in training.

    Of an image of `H` rows and `W` columns, with a share `a` of its area and an aspect
    ratio `r`,

        width = sqrt(a H W r),  height = sqrt(a H W / r)

    in whole pixels. The share is distributed evenly, as the paper says. The aspect ratio is
    even on a log scale, so that wide and tall patches are equally likely. It is drawn from the
    part of its range in which a patch of this area fits into the image; if there is none, the
    patch is the largest that fits. All positions are equally likely, and half of the patches
    are mirrored. The paper is silent on the distribution of the aspect ratio, on patches that
    do not fit, on mirroring and on the interpolation (here bilinear, antialiased). torchvision's
    `RandomResizedCrop` draws anew if a patch does not fit, which favours small ones.

    Outside of training every draw is at its middle: the central patch of the mean area, a
    square if it fits.

    Args:
        size: Size of the result, an integer or a pair `(height, width)`. Paper: 224.
        area: Range of `a`. Paper: 8 % to 100 %.
        aspect: Range of `r`, width by height. Paper: 3/4 to 4/3.
        antialias: Whether every pixel of a shrunk patch counts. See `RescaleShortSide`.
        seed: Seed of the draws.

    Input shape: `(height, width, channels)` or `(batch, height, width, channels)`, of any
    size, which `tf.data` need not know.

    Output shape: the same with the height and width of `size`.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import AreaAspectCrop

    images = np.random.uniform(0, 255, (2, 60, 80, 3))
    print(AreaAspectCrop(32)(images, training=True).shape)  # (2, 32, 32, 3)
    ```

    Reference: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6.
    """

    @arguments()
    def __init__(
        self,
        size: int | tuple[int, int] = 224,
        area: tuple[float, float] = (0.08, 1.0),
        aspect: tuple[float, float] = (3 / 4, 4 / 3),
        antialias: bool = True,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.patch = boxes.pair(size)
        self.size = size
        self.area = area
        self.aspect = aspect
        self.antialias = antialias
        self.seed = seed
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4)
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):  # (..., height, width, channels)
        box, flip = self.draw(images, training)
        patches = boxes.resize(images, box, self.patch, flip, self.antialias)
        return ops.cast(patches, self.compute_dtype)  # (..., *size, channels)

    def draw(self, images, training):
        """Draws the patch `(top, left, height, width)` of each image, and whether to mirror it."""
        return self._draw(boxes.sides(images), ops.shape(images)[:-3], training)

    def window(self, sides, training):  # of a photograph that is still to be decoded
        if not self.antialias:
            return None
        box, flip = self._draw(sides, (), training)
        return windows.Window(box, self.patch, (0, 0, *self.patch), flip)

    def _draw(self, sides, batch, training):
        numbers = boxes.draw(batch, 5, self._seeds, training)
        rows, columns = (ops.cast(side, "float32") for side in sides)
        share = self.area[0] + numbers[0] * (self.area[1] - self.area[0])
        lowest, highest = math.log(self.aspect[0]), math.log(self.aspect[1])
        low = ops.maximum(lowest, ops.log(share * columns / rows))  # the height fits
        high = ops.minimum(highest, ops.log(columns / rows / share))  # the width fits
        aspect = ops.exp(ops.clip(low + numbers[1] * (high - low), lowest, highest))
        height = ops.sqrt(share * rows * columns / aspect)
        fit = ops.minimum(1.0, ops.minimum(rows / height, columns / (height * aspect)))
        height, width = (
            ops.cast(ops.clip(ops.round(length * fit), 1, side), "int32")
            for length, side in ((height, rows), (height * aspect, columns))
        )
        top = boxes.offset(numbers[2], ops.cast(rows, "int32") - height)
        left = boxes.offset(numbers[3], ops.cast(columns, "int32") - width)
        return (top, left, height, width), numbers[4] < 0.5

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], *self.patch, input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "area": self.area,
            "aspect": self.aspect,
            "antialias": self.antialias,
            "seed": self.seed,
        }
