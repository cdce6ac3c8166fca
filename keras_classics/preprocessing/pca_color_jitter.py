"""Random shifts of colour along the principal components (Krizhevsky et al., 2012,
section 4.1)."""

from collections.abc import Sequence

import keras
from keras import ops

from keras_classics.checks import NOT_NEGATIVE, NUMBER, arguments, one_of, several, span
from keras_classics.preprocessing.pixels import add_colour, check_pixels

# The author's own values for ImageNet's RGB pixels from 0 to 255, `color_pca` in the meta data
# of cuda-convnet2. A row of COMPONENTS is a principal component.
DEVIATIONS = (121.78006, 37.09389, 19.72083)
COMPONENTS = (
    (-0.56351, -0.57618, -0.59200),
    (-0.71258, -0.02354, 0.70120),
    (0.41796, -0.81698, 0.39731),
)


@keras.saving.register_keras_serializable(package="keras_classics")
class PCAColorJitter(keras.layers.Layer):
    """Adds one random colour to all pixels of an image, in training only.

    With `p_i` the principal components of the RGB values of ImageNet's pixels, `s_i` the
    standard deviations along them and one draw `alpha_i ~ N(0, sigma)` for each image,

        pixel += sum_i alpha_i * l_i * p_i

    The paper calls `l_i` the eigenvalue of the covariance, which is a variance. Its size depends
    on the unit of the pixels, and for pixels from 0 to 255 it would be absurd. The author's code
    takes the standard deviation. There are two readings; the numbers are the standard deviations
    of the shift along the three components, in grey levels:

    - `"deviation"`: `l_i = s_i`, as the author's code: 12.2, 3.7 and 2.0. That code then divides
      the image by `1 + sigma`. Neither the paper nor this layer does so.
    - `"eigenvalue"`: `l_i = (s_i / 255) ** 2`, the paper's words for pixels from 0 to 1, scaled
      to 0 to 255: 5.8, 0.54 and 0.15. Most other libraries do this.

    The result is not clipped, and may leave the range by some tens of grey levels. For other
    data than ImageNet, give the deviations and components of that data.

    Args:
        sigma: Standard deviation of `alpha`. Paper: 0.1.
        reading: `"deviation"` or `"eigenvalue"`.
        value_range: The range of the pixels, `(0, 255)` or for example `(0, 1)`. Images
            plainly in another one are an error in training: see `preprocessing.pixels`.
        deviations: The three `s_i`, always in grey levels of 0 to 255.
        components: The three `p_i`, each `(red, green, blue)`.
        seed: Seed of the draws.

    Input and output shape: `(height, width, 3)` or `(batch, height, width, 3)`, RGB, before a
    mean is subtracted.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import PCAColorJitter

    images = np.random.uniform(0, 255, (2, 32, 32, 3))
    print(PCAColorJitter()(images, training=True).shape)  # (2, 32, 32, 3)
    ```

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NIPS 2012, section 4.1.
    """

    @arguments(
        reading=one_of("deviation", "eigenvalue"),
        value_range=span(NUMBER),
        deviations=several(NOT_NEGATIVE, 3, 3),
        components=several(several(NUMBER, 3, 3), 3, 3),
    )
    def __init__(
        self,
        sigma: float = 0.1,
        reading: str = "deviation",
        value_range: tuple[float, float] = (0, 255),
        deviations: Sequence[float] = DEVIATIONS,
        components: Sequence[Sequence[float]] = COMPONENTS,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if value_range[0] == value_range[1]:
            raise ValueError(
                f"`value_range` must have two ends. Received: value_range={value_range}"
            )
        self.sigma = sigma
        self.reading = reading
        self.value_range = value_range
        self.deviations = deviations
        self.components = components
        self.seed = seed
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4, axes={-1: 3})
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):  # (..., height, width, 3)
        if not training:
            return ops.cast(images, self.compute_dtype)
        low, high = self.value_range
        images = check_pixels(images, (low, high), slack=(high - low) / 255)
        lengths = ops.convert_to_tensor(self.deviations, "float32") / 255
        if self.reading == "eigenvalue":
            lengths = ops.square(lengths)
        shape = (*ops.shape(images)[:-3], 3)
        alpha = keras.random.normal(shape, stddev=self.sigma, dtype="float32", seed=self._seeds)
        components = ops.convert_to_tensor(self.components, "float32")
        shift = (high - low) * ops.sum((alpha * lengths)[..., None] * components, axis=-2)
        return ops.cast(add_colour(images, shift), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "sigma": self.sigma,
            "reading": self.reading,
            "value_range": self.value_range,
            "deviations": self.deviations,
            "components": self.components,
            "seed": self.seed,
        }
