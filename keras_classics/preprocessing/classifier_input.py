"""The input that pretrained networks expect at test time."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_classics.checks import (
    COUNT,
    NUMBER,
    POSITIVE,
    SIDES,
    Rule,
    arguments,
    as_array,
    either,
    one_of,
    several,
)
from keras_classics.preprocessing import boxes
from keras_classics.preprocessing.pixels import check_pixels

CHANNELS = either(NUMBER, several(NUMBER))
MEAN = Rule(
    "a number, one for each channel, or an array (crop, crop, channels)",
    lambda x: CHANNELS.holds(x) or (as_array(x).ndim == 3 and np.isfinite(x).all()),
)


@keras.saving.register_keras_serializable(package="keras_classics")
class ClassifierInput(keras.layers.Layer):
    """Resizes an image, cuts out its centre and standardizes the colours.

        y = (x - mean) / std,  for each channel of the pixels `x` from 0 to 255

    Images that are plainly not from 0 to 255, such as images that were scaled or standardized
    before, are an error: see `preprocessing.pixels`.

    Args:
        resize: Length of the shorter side, the longer one in proportion; or a pair `(height,
            width)`, whatever the proportions are.
        crop: Side of the central crop, pixels.
        mean: A number of grey levels for each channel, or one for all; or for each pixel of the
            crop and channel, an array `(crop, crop, channels)`.
        std: A number of grey levels for each channel, or one for all.
        interpolation: `"bilinear"` or `"bicubic"`.
        antialias: Whether every pixel of a shrunk image counts, as in Pillow.
        convention: What is rounded. `"exact"`: the longer side to the nearest integer, the
            offsets of the crop down, and the grey levels not at all. `"torchvision"`, also for
            timm: the longer side down, the offsets at one half to the even number, and the
            grey levels after each of the two axes, clipped to 0 and 255, as Pillow does it to
            images of bytes. The weights of these two libraries were tested so.

    Input shape: `(height, width, channels)` or `(batch, height, width, channels)`, of any
    size and type, RGB.

    Output shape: the same with `crop` as height and width.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import ClassifierInput

    layer = ClassifierInput(256, 224, mean=[123.68, 116.78, 103.94])
    print(layer(np.random.uniform(0, 255, (1, 300, 400, 3))).shape)  # (1, 224, 224, 3)
    ```
    """

    @arguments(
        resize=SIDES,
        crop=COUNT,
        mean=MEAN,
        std=either(POSITIVE, several(POSITIVE)),
        interpolation=one_of("bilinear", "bicubic"),
        convention=one_of("exact", "torchvision"),
    )
    def __init__(
        self,
        resize: int | tuple[int, int],
        crop: int,
        mean: float | Sequence[float] | np.ndarray = 0.0,
        std: float | Sequence[float] = 1.0,
        interpolation: str = "bilinear",
        antialias: bool = True,
        convention: str = "exact",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if crop > min(boxes.pair(resize)):
            raise ValueError(f"`resize` must hold the crop. Received: resize={resize}, crop={crop}")
        self.resize = resize
        self.crop = crop
        if np.ndim(mean) == 3 and np.shape(mean)[:2] != (crop, crop):
            raise ValueError(
                f"A `mean` of each pixel must have the shape ({crop}, {crop}, channels). "
                f"Received: {np.shape(mean)}"
            )
        self.mean = mean.tolist() if isinstance(mean, np.ndarray) else mean
        self.std = std
        self.interpolation = interpolation
        self.antialias = antialias
        self.convention = convention
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4)
        self.built = True  # Keras quantizes no model with a layer that was never called

    def call(self, images):  # (..., height, width, channels)
        batch = len(images.shape) == 4
        images = images if batch else images[None]
        images = check_pixels(images, slack=0.5)  # so that -1 to 1 is seen
        levels = self.convention == "torchvision"
        size = self._resized(boxes.sides(images))
        if levels:
            images = boxes.resize_in_levels(images, size, self.antialias, self.interpolation)
        else:
            box = (0, 0, *boxes.sides(images))
            images = boxes.resize(images, box, size, None, self.antialias, self.interpolation)
        down, across = (self._offset(side - self.crop) for side in size)
        images = boxes.cut(images, down, across, (self.crop, self.crop))
        images = (images - ops.array(self.mean, "float32")) / ops.array(self.std, "float32")
        images = ops.cast(images, self.compute_dtype)  # (batch, crop, crop, channels)
        return images if batch else images[0]

    def of_array(self, image: np.ndarray) -> np.ndarray:
        """The same of one NumPy image, on the processor, by Pillow where that is exact.

        Args:
            image: `(height, width, channels)`, from 0 to 255.

        Returns:
            An array `(crop, crop, channels)`, float32.
        """
        levels = self.convention == "torchvision"
        if image.dtype != "uint8" or not self.antialias:
            return ops.convert_to_numpy(self(image)).astype("float32")
        size = self._resized(image.shape[:2])
        part = [self._offset(side - self.crop) for side in size] + 2 * [self.crop]
        image = boxes.resize_with_pillow(image, size, part, self.interpolation, levels)
        return (image - np.asarray(self.mean, "float32")) / np.asarray(self.std, "float32")

    def part(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The part of an image that the crop shows, in the image's own pixels.

        Args:
            height: Height of the image.
            width: Its width.

        Returns:
            `(top, left, height, width)`, rounded to whole pixels.
        """
        size = self._resized((height, width))
        scales = height / size[0], width / size[1]
        starts = (self._offset(side - self.crop) for side in size)
        top, left = (round(start * scale) for start, scale in zip(starts, scales, strict=True))
        return top, left, *(max(1, round(self.crop * scale)) for scale in scales)

    def _resized(self, sides):
        """The height and width to which an image of these is resized."""
        if not isinstance(self.resize, int):
            return self.resize
        return boxes.sides_for(sides, self.resize, truncates=self.convention == "torchvision")

    def _offset(self, room):
        """Half of the room beside the crop, rounded down; or, as in Python, to an even number."""
        half = room // 2
        return half + (room % 2) * (half % 2) if self.convention == "torchvision" else half

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], self.crop, self.crop, input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "resize": self.resize,
            "crop": self.crop,
            "mean": self.mean,
            "std": self.std,
            "interpolation": self.interpolation,
            "antialias": self.antialias,
            "convention": self.convention,
        }
