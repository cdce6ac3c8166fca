"""Where a token stands (Dosovitskiy et al., 2021, eq. 1), at any resolution (section 3.2)."""

import math

import keras
import numpy as np
from keras import ops

from keras_classics.checks import PAIR, arguments, optional
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class PositionEmbedding(keras.layers.Layer):
    """Adds one learned vector to each position of a sequence.

        z_0 = [x_class; z^1; ...; z^N] + E_pos

    The encoding of the Transformer is fixed:
    `PositionEmbedding(SinusoidalPositions(), trainable=False)`, with the initializer of
    `keras_classics.initializers`.

    Args:
        initializer: Initial `E_pos`. Default: normal, of standard deviation 0.02, as in
            the release.

    Input and output shape: `(batch, positions, D)`, with a known number of positions. For
    another number, `resize` computes the weights of a new layer.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import PositionEmbedding

    layer = PositionEmbedding()
    layer(np.zeros((2, 17, 64), "float32")).shape  # (2, 17, 64): a class token and 4x4 patches
    layer.resize((6, 8)).shape  # (49, 64)
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, eq. 1,
    section 3.2 and appendix D.4.
    """

    @arguments()
    def __init__(self, initializer: Initializer = None, **kwargs):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(
                "The number of positions must be known: each has a vector of its own. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        start = self.initializer or keras.initializers.RandomNormal(stddev=0.02)
        self.embeddings = self.add_weight(tuple(input_shape[1:]), start, name="embeddings")
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    def call(self, tokens):  # (batch, positions, D)
        return ops.cast(tokens, self.compute_dtype) + self.embeddings

    def resize(self, grid: tuple[int, int], old_grid: tuple[int, int] | None = None) -> np.ndarray:
        """`E_pos` for images of another size, `(positions, D)`: see `resize_positions`."""
        return resize_positions(ops.convert_to_numpy(self.embeddings), grid, old_grid)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        initializer = self.initializer and keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}


@arguments(grid=PAIR, old_grid=optional(PAIR))
def resize_positions(
    embeddings: np.ndarray, grid: tuple[int, int], old_grid: tuple[int, int] | None = None
) -> np.ndarray:
    """Position embeddings for another number of patches (section 3.2).

    The interpolation is bilinear in the two directions of the image. It places the corners of
    the new grid on those of the old one, as the release does by
    `scipy.ndimage.zoom(..., order=1)`. The resizing of PyTorch, TensorFlow and timm aligns the
    outer edges of the patches instead. Embeddings before the patches, such as that of a class
    token, are kept.

    Args:
        embeddings: Array `(tokens + rows * columns, D)` of the old grid, patches row by row.
        grid: The new grid, `(rows, columns)`.
        old_grid: The old one. Default: the largest square that there are positions for.

    Returns:
        A float32 array `(tokens + rows * columns, D)` of the new grid.

    Raises:
        ValueError: If the embeddings do not fit `old_grid`, or `grid` has no patch.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import resize_positions

    embeddings = np.ones((1 + 14 * 14, 64), "float32")
    resize_positions(embeddings, (24, 24)).shape  # (577, 64)
    ```
    """
    embeddings = np.asarray(embeddings, "float32")
    side = math.isqrt(len(embeddings))
    rows, columns = old_grid or (side, side)
    tokens = len(embeddings) - rows * columns
    if tokens < 0 or (old_grid is None and tokens > 1):
        raise ValueError(
            f"`old_grid` must be the grid of the {len(embeddings)} positions, with or without a "
            f"class token. Received: old_grid={old_grid}"
        )
    x = embeddings[tokens:].reshape(rows, columns, -1)
    for axis, length in enumerate(grid):
        at = np.linspace(0, x.shape[axis] - 1, length)
        low = np.minimum(at.astype(int), max(x.shape[axis] - 2, 0))
        share = (at - low).astype("float32").reshape(-1, *[1] * (2 - axis))
        high = np.minimum(low + 1, x.shape[axis] - 1)
        x = (1 - share) * x.take(low, axis) + share * x.take(high, axis)
    return np.concatenate([embeddings[:tokens], x.reshape(-1, embeddings.shape[-1])])
