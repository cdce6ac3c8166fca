"""The range of pixels, and the adding of a colour to them."""

import keras
import numpy as np
from keras import ops

from keras_classics import backend


def check_pixels(images, value_range=(0, 255), slack=1.0, unless=False):
    """Refuses images whose pixels are plainly in another range.

    They are if a pixel is below or above the range by more than `slack`; or, where the range is
    wider than 1, if no pixel is above 1 and more than three quarters are fractions. A photograph
    divided by 255 is like this. A dark crop, of zeros and ones with blends between them, is not.

    Args:
        images: Images of any type; uint8 is not looked at if the range is its own.
        value_range: Pair `(lowest, highest)`.
        slack: What rounding, or an earlier step, may add at both ends.
        unless: A boolean, or a boolean tensor, that accepts all images.

    Returns:
        The images, as `backend.refuse` returns them.
    """
    low, high = value_range
    if keras.backend.standardize_dtype(images.dtype) == "uint8" and (low, high) == (0, 255):
        return images
    pixels = ops.cast(images, "float32")
    smallest, largest = ops.min(pixels), ops.max(pixels)
    wrong = (smallest < low - slack) | (largest > high + slack)
    if high - low > 1:
        # TensorFlow gathers rows ten times as fast as it slices them in steps.
        some = ops.take(pixels, ops.arange(0, ops.shape(pixels)[-3], 4), axis=-3)
        fraction = ops.abs(some - ops.round(some)) > 0.5 / 255
        fractions = ops.mean(ops.cast(fraction, "float32"))
        wrong = wrong | ((smallest >= 0) & (largest <= 1) & (fractions > 0.75))
    return backend.refuse(
        images,
        wrong & ops.logical_not(unless),
        f"Pixels must be from {low} to {high}: multiply by 255 what was divided by it, and "
        "subtract a mean last.",
        smallest=smallest,
        largest=largest,
    )


def as_batch(images: np.ndarray, channels: int) -> np.ndarray:
    """An array of images, or of one image, as a batch; for one channel, grey.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`. For one channel
            also without the last axis, or RGB: these become grey as Pillow makes them, and bytes
            stay bytes.
        channels: Channels that the network takes.

    Returns:
        `(batch, height, width, channels)`, if the array was one of these; otherwise with whatever
        axes it has.
    """
    if channels == 1 and images.ndim in (3, 4) and images.shape[-1] == 3:
        images = _luma(images)
    elif channels == 1 and (images.ndim == 2 or (images.ndim == 3 and images.shape[-1] > 4)):
        images = images[..., None]  # one image, or a batch; four columns are RGBA's channels
    return images[None] if images.ndim == 3 else images


def _luma(images):
    """The grey of RGB by ITU-R BT.601, `(..., 1)`; of bytes, as Pillow rounds it."""
    if images.dtype != "uint8":
        return (images @ np.array([0.299, 0.587, 0.114], "float32"))[..., None]
    red, green, blue = np.moveaxis(images.astype("uint32"), -1, 0)
    grey = (19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16
    return grey.astype("uint8")[..., None]


def add_colour(images, colour):
    """Adds one number for each channel, `(..., channels)`, to all pixels, in float32."""
    *batch, height, width, channels = shape = ops.shape(images)
    if isinstance(images, np.ndarray):  # of which each operation of Keras would make a copy
        rows = images.reshape(*batch, height, width * channels)
        return (
            (rows + np.tile(colour, width)[..., None, :])
            .reshape(shape)
            .astype("float32", copy=False)
        )
    # TensorFlow adds rows of pixels three times as fast as single pixels.
    row = ops.tile(colour, (*[1] * (len(colour.shape) - 1), width))[..., None, :]
    rows = ops.reshape(ops.cast(images, "float32"), (*batch, height, width * channels))
    return ops.reshape(rows + row, shape)
