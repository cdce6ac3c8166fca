"""Training criteria of the LeNet-5 paper, on negated penalties.

Both read scores `-y_i`, the negated penalties of `RBFOutput` (the output of
`LeNet5`), and integer labels.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_classics")
class MaximumLikelihood(keras.losses.Loss):
    """The penalty of the right class.

    With `y_i` the penalty of class `i` for pattern `p` and `D` its right class,

        E = 1/P sum_p y_D

    Nothing pushes the wrong classes away, so the codes must stay fixed: learned
    codes and inputs would meet in one point.

    Shapes: labels `(batch,)` or `(batch, 1)`, integer; scores `(batch, classes)`.

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, eq. 8.
    """

    def __init__(self, reduction="sum_over_batch_size", name="maximum_likelihood"):
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true, y_pred):
        return -_right_score(y_true, y_pred)

    def get_config(self):
        return {"reduction": self.reduction, "name": self.name}


@keras.saving.register_keras_serializable(package="keras_classics")
class MaximumAPosteriori(keras.losses.Loss):
    """The penalty of the right class, against all classes and a rubbish class.

    With `y_i` the penalty of class `i` for pattern `p` and `D` its right class,

        E = 1/P sum_p [ y_D + log(exp(-j) + sum_i exp(-y_i)) ]

    It is the cross-entropy of a softmax over the scores `-y_i` and one more
    score `-j` that is never right: wrong classes are pushed to penalties
    beyond `j`.

    Args:
        j: Penalty of the rubbish class, positive. The paper does not give it.

    Shapes: labels `(batch,)` or `(batch, 1)`, integer; scores `(batch, classes)`.

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, eq. 9.
    """

    def __init__(self, j, reduction="sum_over_batch_size", name="maximum_a_posteriori"):
        if j <= 0:
            raise ValueError(f"`j`, the rubbish class's penalty, must be positive. Received: j={j}")
        super().__init__(name=name, reduction=reduction)
        self.j = j

    def call(self, y_true, y_pred):
        rubbish = ops.full_like(y_pred[:, :1], -self.j)
        everything = ops.logsumexp(ops.concatenate([y_pred, rubbish], axis=-1), axis=-1)
        return everything - _right_score(y_true, y_pred)

    def get_config(self):
        return {"j": self.j, "reduction": self.reduction, "name": self.name}


def _right_score(labels, scores):
    if len(labels.shape) > 1 and (len(labels.shape), labels.shape[1]) != (2, 1):
        raise ValueError(
            "Labels must be whole numbers of shape (batch,) or (batch, 1), not one-hot. "
            f"Received: labels of shape {tuple(labels.shape)} for scores of shape "
            f"{tuple(scores.shape)}"
        )
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    return ops.sum(scores * ops.one_hot(labels, scores.shape[-1], dtype=scores.dtype), axis=-1)
