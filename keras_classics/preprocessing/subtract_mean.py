"""Subtraction of the training set's mean (Krizhevsky et al., 2012, section 2; Simonyan &
Zisserman, 2015, section 2.1)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_classics import backend
from keras_classics.checks import NUMBER, arguments, one_of, optional, several
from keras_classics.preprocessing.pixels import add_colour, check_pixels


@keras.saving.register_keras_serializable(package="keras_classics")
class SubtractMean(keras.layers.Layer):
    """Subtracts the mean activity of the training set.

        y = x - mean

    The mean is a weight that is not trained, and is saved with the layer. It is one number for
    each pixel and channel (AlexNet), which `adapt` computes; or one for each channel (VGG,
    GoogLeNet), which `adapt` computes or `mean` gives.

    A mean above 1 is one of grey levels. Then a batch of images that are plainly not from 0 to
    255, except for the colours that a jitter adds, is an error: see `preprocessing.pixels`.

    Args:
        per: `"pixel"` (AlexNet) or `"channel"` (VGG).
        mean: With `per="channel"`, the mean of each channel; `None` waits for `adapt` or
            for saved weights. ImageNet in RGB from 0 to 255: `[123.68, 116.779, 103.939]`
            (the published VGG).

    Input and output shape: `(height, width, channels)` or
    `(batch, height, width, channels)`, with `per="pixel"` of one size.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import SubtractMean

    images = np.random.uniform(0, 255, (8, 32, 32, 3))
    layer = SubtractMean("pixel")
    layer.adapt(images)
    print(layer(images).shape)  # (8, 32, 32, 3)
    ```

    References: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NIPS 2012, section 2; Simonyan & Zisserman, "Very Deep
    Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, section 2.1.
    """

    @arguments(per=one_of("pixel", "channel"), mean=optional(several(NUMBER)))
    def __init__(self, per: str = "pixel", mean: Sequence[float] | None = None, **kwargs):
        super().__init__(**kwargs)
        if mean is not None and per == "pixel":
            raise ValueError(
                'A given `mean` is one of channels: take per="channel", or `adapt` to images. '
                f"Received: per={per!r}, mean={mean}"
            )
        self.per = per
        self.mean = mean
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4)

    def build(self, input_shape):
        shape = tuple(input_shape[-3:] if self.per == "pixel" else input_shape[-1:])
        if None in shape:
            raise ValueError(
                "A mean for each pixel needs images of one known size: crop them first, or take "
                f'per="channel". Received: images of shape {tuple(input_shape)}'
            )
        if self.mean is not None and len(self.mean) != shape[-1]:
            raise ValueError(
                "`mean` must have a number for each channel. "
                f"Received: mean={self.mean} and {shape[-1]} channels"
            )
        start = np.nan if self.mean is None else np.array(self.mean)
        self.average = self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(start),
            trainable=False,
            autocast=False,
            name="mean",
        )

    def adapt(self, images) -> None:
        """Sets the mean to that of images, summed in float64.

        Args:
            images: An array, or an iterable such as a `tf.data.Dataset`, of arrays or of tuples
                that begin with an array. An array is an image or a batch. With
                `per="channel"` sizes may differ, and each pixel counts alike.

        Raises:
            ValueError: If there are no images, or sizes differ with `per="pixel"`.
        """
        total, count = 0.0, 0
        for batch in [images] if hasattr(images, "shape") else images:
            batch = batch[0] if isinstance(batch, (tuple, list)) else batch
            batch = ops.convert_to_numpy(batch)
            batch = batch[None] if batch.ndim == 3 else batch
            pixels = batch if self.per == "pixel" else batch.reshape(-1, batch.shape[-1])
            if count and np.shape(total) != pixels.shape[1:]:
                raise ValueError(
                    f"Images must have one shape, here {np.shape(total)}: crop them first. "
                    f"Received: {pixels.shape[1:]}"
                )
            total = total + pixels.sum(axis=0, dtype="float64")
            count += len(pixels)
        if not count:
            raise ValueError("`adapt` needs at least one image. Received: none")
        if not self.built:  # type: ignore[has-type]
            self.build((None, *batch.shape[1:]))
            self.built = True
        self.average.assign(total / count)

    def call(self, images):  # (..., height, width, channels)
        mean = ops.convert_to_tensor(self.average)
        images = backend.refuse(
            images,
            ops.any(ops.isnan(mean)),
            f"The mean of layer {self.name!r} is unknown: `adapt` it to the training images, or "
            "load its weights.",
        )
        if len(images.shape) == 4:  # one dark image alone may look like one from 0 to 1
            images = check_pixels(images, slack=100.0, unless=ops.max(mean) <= 1)
        if self.per == "channel":
            images = add_colour(images, -mean)
        else:
            images = ops.cast(images, "float32") - mean
        return ops.cast(images, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "per": self.per, "mean": self.mean}
