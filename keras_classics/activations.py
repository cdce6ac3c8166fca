"""Activations of the classic papers."""

import keras
from keras import ops

AMPLITUDE = 1.7159  # A. LeCun et al. 1998, appendix A
SLOPE = 2 / 3  # S


@keras.saving.register_keras_serializable(package="keras_classics")
def scaled_tanh(x):
    """The squashing function `f(a) = A tanh(S a)` of the LeNet papers.

    With `A = 1.7159` and `S = 2/3`, `f(1) = 1` and `f(-1) = -1`, so that targets
    of +1 and -1 lie inside the range (-A, A), where the curvature is largest,
    and not on its asymptotes.

    Args:
        x: Weighted sums `a`, any shape and floating type.

    Returns:
        A tensor of the shape and type of `x`, in (-1.7159, 1.7159).

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, eq. 6 and appendix A.
    """
    return AMPLITUDE * ops.tanh(SLOPE * x)
