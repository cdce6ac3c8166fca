"""Random crops and reflections (Krizhevsky et al., 2012, section 4.1; He et al., 2016,
section 4.2)."""

import keras
from keras import ops

from keras_classics.checks import FROM_0, arguments
from keras_classics.preprocessing import boxes


@keras.saving.register_keras_serializable(package="keras_classics")
class CropAndFlip(keras.layers.Layer):
    """Cuts out a random patch and mirrors it half of the time, in training.

    All positions where the patch fits are equally likely, and each image has its own. The paper
    counts 2 * 32 * 32 = 2048 patches of 224x224 in an image of 256x256. There are 33 * 33
    positions, and so 2178 patches. Outside of training the patch is the central one.

    Args:
        size: Size of the patch, an integer or a pair `(height, width)`. Paper: 224.
        seed: Seed of the draws.
        padding: Zeros on every side of the image before the random patch is cut out, pixels.
            He et al. for CIFAR-10: 4, and a patch as large as the image.

    Input shape: `(height, width, channels)` or `(batch, height, width, channels)`, at least
    as large as the patch; smaller is an error.

    Output shape: the same with the height and width of the patch.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import CropAndFlip

    images = np.random.uniform(0, 255, (2, 32, 32, 3))
    print(CropAndFlip(32, padding=4)(images, training=True).shape)  # (2, 32, 32, 3)
    ```

    References: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NIPS 2012, section 4.1; He, Zhang, Ren & Sun, "Deep
    Residual Learning for Image Recognition", CVPR 2016, section 4.2.
    """

    @arguments(padding=FROM_0)
    def __init__(
        self,
        size: int | tuple[int, int] = 224,
        seed: int | None = None,
        padding: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.patch = boxes.pair(size)
        self.size = size
        self.padding = padding
        self.seed = seed
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4)
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):  # (..., height, width, channels)
        images = boxes.refuse_smaller(images, self.patch)
        if training and self.padding:
            zeros = [[self.padding, self.padding]] * 2 + [[0, 0]]
            images = ops.pad(images, [[0, 0]] * (len(images.shape) - 3) + zeros)
        top, left, flip = self._draw(boxes.sides(images), ops.shape(images)[:-3], training)
        if training:
            crops = boxes.cut_each(images, top, left, self.patch, flip)
        else:
            crops = boxes.cut(images, top, left, self.patch)
        return ops.cast(crops, self.compute_dtype)  # (..., *size, channels)

    def narrow(self, window, training):  # of a photograph that is still to be decoded
        if (training and self.padding) or window.short < max(self.patch):
            return None  # and `call` sees to it
        top, left, flip = self._draw(window.part[2:], (), training)
        return window.cut(top, left, self.patch, flip)

    def _draw(self, sides, batch, training):
        down, across = (side - new for side, new in zip(sides, self.patch, strict=True))
        if not training:
            return down // 2, across // 2, None
        numbers = boxes.draw(batch, 3, self._seeds, training)
        return boxes.offset(numbers[0], down), boxes.offset(numbers[1], across), numbers[2] < 0.5

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], *self.patch, input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "padding": self.padding,
            "seed": self.seed,
        }
