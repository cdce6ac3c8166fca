"""Scores of classes from units for pairs of classes (LeCun et al., 1998, section III.C.1)."""

import keras
import numpy as np
from keras import ops

from keras_classics.checks import arguments, whole


@keras.saving.register_keras_serializable(package="keras_classics")
class PairwiseScores(keras.layers.Layer):
    """Adds up what units that tell two classes apart say of each class.

    With `a_ij` the unit that is +1 for class `i` and -1 for class `j`, `i < j`,

        y_i = sum_{j > i} a_ij - sum_{j < i} a_ji

    The units come in the order 0/1, 0/2 and so on, then 1/2: of ten classes 45.

    Args:
        classes: Number of classes, two or more. Paper: 10.

    Input shape: `(batch, classes * (classes - 1) / 2)`.

    Output shape: `(batch, classes)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import PairwiseScores

    PairwiseScores(3)(np.array([[1.0, 1.0, -1.0]]))  # 0 twice, 2 once: [[2, -2, 0]]
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, section III.C.1.
    """

    @arguments(classes=whole(2))
    def __init__(self, classes: int = 10, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.input_spec = keras.layers.InputSpec(ndim=2, axes={-1: classes * (classes - 1) // 2})

    def call(self, units):  # (batch, pairs)
        first, second = np.triu_indices(self.classes, 1)
        identity = np.eye(self.classes)
        signs = ops.convert_to_tensor(identity[first] - identity[second], self.compute_dtype)
        return ops.matmul(ops.cast(units, self.compute_dtype), signs)  # (batch, classes)

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """What each unit is to be, from targets of +1 for the class and -1 for the others.

        Args:
            targets: Tensor `(batch, classes)`.

        Returns:
            A tensor `(batch, pairs)`: +1 for the first class of a pair, -1 for the second, and 0 of
            any other, of which the unit does not learn.
        """
        first, second = np.triu_indices(self.classes, 1)
        return (ops.take(targets, first, axis=-1) - ops.take(targets, second, axis=-1)) / 2

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.classes)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}
