"""Random shifts of colour along the principal components (Krizhevsky et al., 2012,
section 4.1)."""

import keras
from keras import ops

from keras_classics.preprocessing.pixels import add_colour, check_pixels

# The author's own values, of ImageNet's RGB pixels from 0 to 255 (color_pca in the meta
# data of cuda-convnet2). One row of COMPONENTS for each principal component.
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

    The paper calls `l_i` the eigenvalue of the covariance, which is a variance: its size
    depends on the unit of the pixels, and on 0 to 255 it would be absurd. The author's code
    takes the standard deviation. Two readings, with their standard deviations in grey levels
    along the three components:

    - `"deviation"`: `l_i = s_i`, the author's code: 12.2, 3.7 and 2.0. That code
      afterwards divides the image by `1 + sigma`, which the paper does not, nor this layer.
    - `"eigenvalue"`: `l_i = (s_i / 255) ** 2`, the paper's words for pixels from 0 to 1,
      brought to 0 to 255: 5.8, 0.54 and 0.15. Most other libraries do this.

    The result is not clipped, and may leave the range by some tens of grey levels. On other
    data than ImageNet, give the deviations and components of that data.

    Args:
        sigma: Standard deviation of `alpha`. Paper: 0.1.
        reading: `"deviation"` or `"eigenvalue"`.
        value_range: The range of the pixels, `(0, 255)` or for example `(0, 1)`. Images
            plainly in another one are an error in training: see `preprocessing.pixels`.
        deviations: The three `s_i`, always in grey levels of 0 to 255.
        components: The three `p_i`, each `(red, green, blue)`.
        seed: Seed of the draws.

    Input and output shape: `(height, width, 3)` or `(batch, height, width, 3)`, RGB. The
    mean comes off afterwards.

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NIPS 2012, section 4.1.
    """

    def __init__(
        self,
        sigma=0.1,
        reading="deviation",
        value_range=(0, 255),
        deviations=DEVIATIONS,
        components=COMPONENTS,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if reading not in ("deviation", "eigenvalue"):
            raise ValueError(
                f'`reading` must be "deviation" or "eigenvalue". Received: reading={reading!r}'
            )
        if sigma < 0 or value_range[0] >= value_range[1]:
            raise ValueError(
                "`sigma` must not be negative, and `value_range` a pair (lowest, highest). "
                f"Received: sigma={sigma}, value_range={value_range}"
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
