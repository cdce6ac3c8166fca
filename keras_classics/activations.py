"""Activations of the classic papers."""

import keras
from keras import ops

from keras_classics import backend

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


@keras.saving.register_keras_serializable(package="keras_classics")
def gelu_tanh(x):
    """GELU in the tanh form that the release of ViT computes.

        gelu(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))

    The exact form is `x Phi(x)`, with the distribution function `Phi` of the standard normal
    distribution; this one differs from it by less than 5e-4. It is `keras.ops.gelu`'s default
    and `jax.nn.gelu`'s; Keras's activation `"gelu"`, torchvision and timm have the exact one.

    Args:
        x: A tensor of any shape and floating type.

    Returns:
        A tensor of the shape and type of `x`.

    Reference: Hendrycks & Gimpel, "Gaussian Error Linear Units (GELUs)", 2016
    (arXiv:1606.08415), section 2.
    """
    fused = backend.fused_gelu(x)
    return ops.gelu(x, approximate=True) if fused is None else fused(x)
