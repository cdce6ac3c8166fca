"""Rectangles of noise in training images (Zhong et al., 2020)."""

import math

import keras
from keras import ops

from keras_classics import backend
from keras_classics.checks import arguments
from keras_classics.preprocessing import boxes

TRIES = 10  # as in timm; then the image stays as it is


@keras.saving.register_keras_serializable(package="keras_classics")
class RandomErasing(keras.layers.Layer):
    """Fills a random rectangle of some images with noise, in training only.

    Of an image of `H` rows and `W` columns, with a share `a` of its area and an aspect ratio `r`,

        height = sqrt(a H W r),  width = sqrt(a H W / r)

    in whole pixels. The share is distributed evenly, the aspect ratio on a log scale. Both are
    drawn again, at most ten times, until the rectangle is smaller than the image. All positions
    are equally likely. Each number of the rectangle becomes a draw of `N(0, 1)`, which is not
    clipped: so the layer follows the scaling of the images.

    The paper draws the aspect ratio evenly from 0.3 to 3.33, and the noise evenly from 0 to 255.
    Here both are as in timm, by which DeiT trains. Keras's layer of this name draws both sides of
    the rectangle apart, each the root of a share of its side of the image, and clips the noise.

    Args:
        share: Share of the images with a rectangle. DeiT: 0.25; paper: 0.5.
        area: Range of `a`. DeiT: 2 % to a third; paper: 2 % to 40 %.
        aspect: Range of `r`, height by width. Paper: 0.3 to 3.33.
        seed: Seed of the draws.

    Input and output shape: `(height, width, channels)` or `(batch, height, width, channels)`.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import RandomErasing

    images = np.random.uniform(-1, 1, (2, 32, 32, 3))
    print(RandomErasing()(images, training=True).shape)  # (2, 32, 32, 3)
    ```

    Reference: Zhong, Zheng, Kang, Li & Yang, "Random Erasing Data Augmentation", AAAI 2020
    (arXiv:1708.04896).
    """

    @arguments()
    def __init__(
        self,
        share: float = 0.25,
        area: tuple[float, float] = (0.02, 1 / 3),
        aspect: tuple[float, float] = (0.3, 1 / 0.3),
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.share = share
        self.area = area
        self.aspect = aspect
        self.seed = seed
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4)
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):  # (..., height, width, channels)
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        down, across = self.draw(images)
        inside = down[..., :, None, None] & across[..., None, :, None]

        def erased():
            noise = keras.random.normal(ops.shape(images), dtype="float32", seed=self._seeds)
            return ops.where(inside, ops.cast(noise, images.dtype), images)

        return backend.either(ops.any(inside), erased, lambda: images)  # noise takes its time

    def draw(self, images):
        """Draws the rows `(..., height)` and the columns `(..., width)` of each rectangle."""
        numbers = boxes.draw(ops.shape(images)[:-3], 2 * TRIES + 3, self._seeds, True)
        sides = boxes.sides(images)
        rows, columns = (ops.cast(side, "float32") for side in sides)
        low, high = (math.log(end) for end in self.aspect)
        area = self.area[0] + numbers[:TRIES] * (self.area[1] - self.area[0])
        aspect = ops.exp(low + numbers[TRIES : 2 * TRIES] * (high - low))
        lengths = [
            ops.round(ops.sqrt(area * rows * columns * ratio)) for ratio in (aspect, 1 / aspect)
        ]
        fits = (lengths[0] < rows) & (lengths[1] < columns)  # (tries, ...)
        first = ops.argmax(ops.cast(fits, "int32"), axis=0)[None]
        erased = ops.any(fits, axis=0) & (numbers[2 * TRIES] < self.share)
        found = []
        for side, length, place in zip(sides, lengths, (1, 2), strict=True):
            length = ops.cast(ops.take_along_axis(length, first, axis=0)[0], "int32")
            length = ops.where(erased, length, 0)
            number = numbers[2 * TRIES + place]
            start = boxes.offset(number, ops.cast(side, "int32") - length)[..., None]
            pixels = ops.arange(side)
            found.append((pixels >= start) & (pixels < start + length[..., None]))
        return found

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "share": self.share,
            "area": self.area,
            "aspect": self.aspect,
            "seed": self.seed,
        }
