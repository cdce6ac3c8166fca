"""Padding with a constant background (LeCun et al., 1989, section 3.3)."""

import keras
from keras import ops

from keras_classics.checks import FROM_0, Rule, arguments, either, several

FOUR_SIDES = Rule(
    "a whole number from 0, a pair (rows, columns) of such, or a pair of pairs "
    "((top, bottom), (left, right))",
    either(FROM_0, several(either(FROM_0, several(FROM_0, 2, 2)), 2, 2)).holds,
)


@keras.saving.register_keras_serializable(package="keras_classics")
class ConstantPadding2D(keras.layers.Layer):
    """Surrounds each map with a border of one constant value.

    In the 1989 network a connection that reaches over the edge of a plane reads
    a virtual background plane in the constant state -1.
    `keras.layers.ZeroPadding2D` is the case `value=0`.

    Args:
        padding: Rows and columns to add: an integer for all four sides, a pair
            `(rows, columns)` for symmetric padding, or
            `((top, bottom), (left, right))`. Paper: 2.
        value: State of the border. Paper: -1.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, top + height + bottom, left + width + right, channels)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import ConstantPadding2D

    ConstantPadding2D(2, -1.0)(np.ones((1, 16, 16, 1), "float32")).shape  # (1, 20, 20, 1)
    ```

    Reference: LeCun et al., "Backpropagation Applied to Handwritten Zip Code
    Recognition", Neural Computation 1(4), 1989, section 3.3.
    """

    @arguments(padding=FOUR_SIDES)
    def __init__(self, padding: int | tuple = 2, value: float = -1.0, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding
        self.value = value
        self._sides = _four_sides(padding)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):  # (batch, height, width, channels)
        inputs, ((top, bottom), (left, right)) = ops.cast(inputs, self.compute_dtype), self._sides
        borders = [[0, 0], [top, bottom], [left, right], [0, 0]]
        # (batch, top + height + bottom, left + width + right, channels)
        return ops.pad(inputs, borders, constant_values=self.value)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [
            None if side is None else side + sum(around)
            for side, around in zip(sides, self._sides, strict=True)
        ]
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "value": self.value}


def _four_sides(padding):
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    return tuple((side, side) if isinstance(side, int) else side for side in (rows, columns))
