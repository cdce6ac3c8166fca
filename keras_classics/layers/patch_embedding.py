"""Patches of an image as tokens (Dosovitskiy et al., 2021, eq. 1)."""

import keras
from keras import ops

from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class PatchEmbedding(keras.layers.Layer):
    """Cuts an image into patches and projects each linearly.

    With `x_p^n` the `P x P x C` pixels of patch `n`, row by row and flattened, and the
    matrix `E` of `P^2 C` rows and `D` columns,

        z^n = x_p^n E + b,  n = 1, ..., N = H W / P^2

    The release writes it as a convolution of size and stride `P`. `kernel` has the shape of
    the kernel of that convolution, `(P, P, C, D)`.

    Args:
        embed_dim: `D`. Paper: 768, 1024 or 1280.
        patch_size: `P`, pixels. Paper: 16, 32 or 14; 1 on a ResNet's maps.

    Input shape: `(batch, H, W, C)`, both sides divisible by `P`.

    Output shape: `(batch, N, D)`, the patches row by row; `grid` is `(H / P, W / P)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import PatchEmbedding

    images = np.ones((2, 32, 48, 3), "float32")
    PatchEmbedding(embed_dim=64, patch_size=16)(images).shape  # (2, 6, 64)
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, eq. 1. The
    weights start as in the release: variance 1 / (P^2 C), truncated; biases 0.
    """

    @arguments()
    def __init__(self, embed_dim: int, patch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim = embed_dim
        self.patch_size = patch_size
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        *sides, channels = input_shape[1:]
        if None in sides or any(side % self.patch_size or not side for side in sides):
            raise ValueError(
                f"Height and width must be known and divisible by patch_size={self.patch_size}: "
                f"resize or crop the image. Received: input_shape={tuple(input_shape)}"
            )
        self.input_spec = keras.layers.InputSpec(shape=(None, *sides, channels))
        self.grid = tuple(side // self.patch_size for side in sides)
        self.kernel = self.add_weight(
            (self.patch_size, self.patch_size, channels, self.embed_dim),
            "lecun_normal",
            name="kernel",
        )
        self.bias = self.add_weight((self.embed_dim,), "zeros", name="bias")

    def call(self, images):  # (batch, H, W, C)
        (rows, columns), p, channels = self.grid, self.patch_size, images.shape[-1]
        x = ops.reshape(images, (-1, rows, p, columns, p, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (batch, rows, columns, P, P, C)
        x = ops.reshape(x, (-1, p * p * channels))  # (batch * N, P^2 C)
        x = ops.matmul(x, ops.reshape(self.kernel, (-1, self.embed_dim))) + self.bias
        return ops.reshape(x, (-1, rows * columns, self.embed_dim))  # (batch, N, D)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, height // self.patch_size * (width // self.patch_size), self.embed_dim

    def get_config(self):
        return {
            **super().get_config(),
            "embed_dim": self.embed_dim,
            "patch_size": self.patch_size,
        }
