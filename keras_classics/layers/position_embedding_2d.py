"""Where a patch stands along both axes (Dosovitskiy et al., 2021, appendix D.4)."""

import keras
import numpy as np
from keras import ops

from keras_classics.checks import PAIR, arguments
from keras_classics.initializers import Initializer


@keras.saving.register_keras_serializable(package="keras_classics")
class PositionEmbedding2D(keras.layers.Layer):
    """Adds to each patch a learned vector of its column and one of its row.

    Each has half the width, and they stand one after the other. For the patch in column `x` and
    row `y`,

        E_pos(x, y) = [X_x; Y_y]

    The paper is silent on the class token: here it has a vector of its own, of width `D`.

    Args:
        grid: `(rows, columns)` of the patches, which come row by row.
        initializer: Initial `X`, `Y` and vector of the class token. Default: normal, of standard
            deviation 0.02, as of `PositionEmbedding`.

    Input and output shape: `(batch, tokens + rows * columns, D)`; `D` is even.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import PositionEmbedding2D

    layer = PositionEmbedding2D((4, 6))
    layer(np.zeros((2, 25, 64), "float32")).shape  # (2, 25, 64): a class token and 4x6 patches
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, appendix D.4.
    """

    @arguments(grid=PAIR)
    def __init__(self, grid: tuple[int, int], initializer: Initializer = None, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        (rows, columns), (_, n, d) = self.grid, input_shape
        if n is None or n < rows * columns or d % 2:
            raise ValueError(
                f"Layer {self.name!r} needs at least the {rows * columns} patches of its grid, "
                f"and an even width. Received: input_shape={tuple(input_shape)}"
            )
        sizes = {"x": (columns, d // 2), "y": (rows, d // 2)}
        if n > rows * columns:
            sizes = {"tokens": (n - rows * columns, d)} | sizes
        for name, shape in sizes.items():
            start = self.initializer or keras.initializers.RandomNormal(stddev=0.02)
            start = start.clone() if hasattr(start, "clone") else start
            setattr(self, name, self.add_weight(shape, start, name=name))
        self.input_spec = keras.layers.InputSpec(shape=(None, n, d))

    @property
    def embeddings(self):
        """`E_pos`, `(tokens + rows * columns, D)`, made of the weights."""
        rows, columns = self.grid
        x = ops.tile(ops.convert_to_tensor(self.x), (rows, 1))  # (rows * columns, D / 2)
        y = ops.repeat(ops.convert_to_tensor(self.y), columns, axis=0)
        patches = ops.concatenate([x, y], axis=-1)
        if len(self.weights) == 2:
            return patches
        return ops.concatenate([ops.convert_to_tensor(self.tokens), patches], axis=0)

    def call(self, tokens):  # (batch, positions, D)
        return ops.cast(tokens, self.compute_dtype) + self.embeddings

    def resize(self, grid: tuple[int, int]) -> list[np.ndarray]:
        """The weights of a layer for another grid: `X` and `Y` are interpolated linearly."""
        *tokens, x, y = self.get_weights()
        rows, columns = grid
        return [*tokens, resize_line(x, columns), resize_line(y, rows)]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        initializer = self.initializer and keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "grid": self.grid, "initializer": initializer}


def resize_line(vectors: np.ndarray, length: int) -> np.ndarray:
    """As many vectors as asked for, the first and the last as they were."""
    at, known = np.linspace(0, len(vectors) - 1, length), np.arange(len(vectors))
    columns = [np.interp(at, known, column) for column in vectors.T]
    return np.stack(columns, axis=-1).astype(vectors.dtype)
