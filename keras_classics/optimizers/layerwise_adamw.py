"""AdamW with another learning rate for some layers (Howard & Ruder, 2018, section 3.1)."""

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_classics.checks import BY_NAMES, arguments
from keras_classics.optimizers.clipped import ClippedAdamW


@keras.saving.register_keras_serializable(package="keras_classics")
class LayerwiseAdamW(ClippedAdamW):
    """Adam with decoupled weight decay, and another learning rate for some layers.

    With `m` and `v` the moments of Adam, without their bias, and `c` the multiplier of a weight
    `w`, 1 for most,

        w <- w - learning_rate (c m / (sqrt(v) + epsilon) + weight_decay w)

    In fine-tuning, the new output layer learns faster than the layers that were trained before.

    Args:
        learning_rate: A number or a `keras.optimizers.schedules.LearningRateSchedule`.
        multipliers: `{name: c}`, with names of layers, such as `"predictions"`, or of variables,
            such as `"bias"`. Of several names in the path of a variable, all multiply.
        name: Name of the optimizer.
        **kwargs: Further arguments of `ClippedAdamW`.

    Raises:
        ValueError: If a multiplier is negative, or no number.

    Example:

    ```python
    import keras
    from keras_classics.optimizers import LayerwiseAdamW

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="predictions")])
    model.compile(LayerwiseAdamW(1e-4, {"predictions": 10.0}), "mse")
    ```

    Reference: Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification",
    ACL 2018, section 3.1 (discriminative fine-tuning, there of plain SGD).
    """

    @arguments(multipliers=BY_NAMES)
    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        multipliers: Mapping[str, float] = {},
        name: str = "layerwise_adamw",
        **kwargs: Any,
    ):
        super().__init__(learning_rate, name=name, **kwargs)
        self.multipliers = dict(multipliers)

    def build(self, variables):
        super().build(variables)
        self._factors = [
            math.prod(self.multipliers.get(name, 1.0) for name in variable.path.split("/"))
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        # Not a public method, but that by which Keras's own optimizers update a variable.
        factor = self._factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, factor * learning_rate)

    def get_config(self):
        return {**super().get_config(), "multipliers": dict(self.multipliers)}
