"""A learned token before all others (Dosovitskiy et al., 2021, eq. 1)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_classics")
class ClassToken(keras.layers.Layer):
    """Puts one learned token `x_class` before the tokens of each image.

        z_0 = [x_class; z^1; ...; z^N]

    Its state at the end of the encoder represents the image. The token starts at 0, as in the
    release. The layer passes on a mask of the tokens, with an entry for the class token.

    Input shape: `(batch, N, D)`.

    Output shape: `(batch, N + 1, D)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import ClassToken

    ClassToken()(np.ones((2, 16, 64), "float32")).shape  # (2, 17, 64)
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, eq. 1.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        self.token = self.add_weight((input_shape[-1],), "zeros", name="token")

    def call(self, tokens):  # (batch, N, D)
        tokens = ops.cast(tokens, self.compute_dtype)
        token = ops.broadcast_to(
            ops.cast(self.token, tokens.dtype), (ops.shape(tokens)[0], 1, tokens.shape[-1])
        )
        return ops.concatenate([token, tokens], axis=1)  # (batch, N + 1, D)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else ops.pad(mask, [[0, 0], [1, 0]], constant_values=True)

    def compute_output_shape(self, input_shape):
        batch, n, d = input_shape
        return batch, None if n is None else n + 1, d
