"""Losses that Keras does not have.

The two of the LeNet-5 paper take scores `-y_i`, the negated penalties of `RBFOutput`, which
`LeNet5` returns, and integer labels.
"""

import keras
from keras import ops

from keras_classics import backend
from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class MaximumLikelihood(keras.losses.Loss):
    """The penalty of the true class.

    With `y_i` the penalty of class `i` for pattern `p`, and `D` the true class of `p`,

        E = 1/P sum_p y_D

    Nothing pushes the other classes away. So the codes must stay fixed: learned codes and
    inputs would meet in one point.

    Args:
        reduction: Keras's reduction over the batch. Paper: the mean.
        name: Name of the loss.

    Shapes: labels `(batch,)` or `(batch, 1)`, integer; scores `(batch, classes)`.

    Labels that are not from 0 to `classes - 1` are an error. In what XLA or JAX compiles, their
    loss is not a number.

    Example:

    ```python
    import numpy as np
    from keras_classics.losses import MaximumLikelihood

    scores = np.array([[-1.0, -4.0], [-9.0, -2.0]], "float32")
    MaximumLikelihood()(np.array([0, 1]), scores)  # (1 + 2) / 2
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, eq. 8.
    """

    @arguments()
    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "maximum_likelihood",
    ):
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true, y_pred):
        return -_true_score(y_true, y_pred)

    def get_config(self):
        return {"reduction": self.reduction, "name": self.name}


@keras.saving.register_keras_serializable(package="keras_classics")
class MaximumAPosteriori(keras.losses.Loss):
    """The penalty of the true class, against all classes and a rubbish class.

    With `y_i` the penalty of class `i` for pattern `p`, and `D` the true class of `p`,

        E = 1/P sum_p [ y_D + log(exp(-j) + sum_i exp(-y_i)) ]

    It is the cross-entropy of a softmax over the scores `-y_i` and one more score `-j`, which
    is never that of the true class. It pushes the penalties of the other classes beyond `j`.

    Args:
        j: Penalty of the rubbish class, positive. The paper does not give it.
        reduction: Keras's reduction over the batch. Paper: the mean.
        name: Name of the loss.

    Shapes: labels `(batch,)` or `(batch, 1)`, integer; scores `(batch, classes)`.

    Labels that are not from 0 to `classes - 1` are an error. In what XLA or JAX compiles, their
    loss is not a number.

    Example:

    ```python
    import numpy as np
    from keras_classics.losses import MaximumAPosteriori

    scores = np.array([[-1.0, -4.0], [-9.0, -2.0]], "float32")
    MaximumAPosteriori(j=10.0)(np.array([0, 1]), scores)
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, eq. 9.
    """

    @arguments()
    def __init__(
        self,
        j: float,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "maximum_a_posteriori",
    ):
        super().__init__(name=name, reduction=reduction)
        self.j = j

    def call(self, y_true, y_pred):
        rubbish = ops.full_like(y_pred[:, :1], -self.j)
        everything = ops.logsumexp(ops.concatenate([y_pred, rubbish], axis=-1), axis=-1)
        return everything - _true_score(y_true, y_pred)

    def get_config(self):
        return {"j": self.j, "reduction": self.reduction, "name": self.name}


@keras.saving.register_keras_serializable(package="keras_classics")
class SigmoidCrossentropy(keras.losses.Loss):
    """The cross-entropy of each class by itself, summed over the classes.

    With `p_i` the probability of class `i`, a sigmoid, and `t_i` its target from 0 to 1,

        E = -sum_i [ t_i log p_i + (1 - t_i) log(1 - p_i) ]

    Keras's `BinaryCrossentropy` is the mean over the classes.

    Args:
        reduction: Keras's reduction over the batch.
        name: Name of the loss.

    Shapes: targets and probabilities `(batch, classes)`.

    Example:

    ```python
    import numpy as np
    from keras_classics.losses import SigmoidCrossentropy

    SigmoidCrossentropy()(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))  # 2 log 2
    ```

    Reference: google-research/big_vision, by whose configuration AugReg trains on ImageNet-1k
    (Steiner et al., TMLR 2022).
    """

    @arguments()
    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "sigmoid_crossentropy",
    ):
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true, y_pred):
        return ops.sum(ops.binary_crossentropy(ops.cast(y_true, y_pred.dtype), y_pred), axis=-1)

    def get_config(self):
        return {"reduction": self.reduction, "name": self.name}


def _true_score(labels, scores):
    if len(labels.shape) > 1 and (len(labels.shape), labels.shape[1]) != (2, 1):
        raise ValueError(
            "Labels must be integers of shape (batch,) or (batch, 1), not one-hot. "
            f"Received: labels of shape {tuple(labels.shape)} for scores of shape "
            f"{tuple(scores.shape)}"
        )
    classes = scores.shape[-1]
    labels = ops.cast(ops.reshape(labels, (-1,)), "float32")  # so that uint8 holds `classes`, too
    known = (labels >= 0) & (labels < classes)
    labels = backend.refuse(
        labels,
        ops.logical_not(ops.all(known)),
        f"Labels must be from 0 to {classes - 1}, for scores of {classes} classes: give the "
        "network as many classes as the data have, or count the labels from 0.",
        smallest=ops.min(labels),
        largest=ops.max(labels),
    )
    # Out of range, a place within it, and then not a number: backends differ in what they take.
    places = ops.one_hot(ops.cast(ops.where(known, labels, 0), "int32"), classes)
    score = ops.sum(scores * ops.cast(places, scores.dtype), axis=-1)
    return ops.where(known, score, ops.full_like(score, float("nan")))
