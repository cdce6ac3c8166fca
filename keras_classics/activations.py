"""Activations of the classic papers."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_classics import backend
from keras_classics.checks import Rule, arguments

AMPLITUDE = 1.7159  # A. LeCun et al. 1998, appendix A
SLOPE = 2 / 3  # S

Activation = str | dict | Callable | None  # what Keras takes for one
Tensor = Any  # of the backend that runs, or a symbolic one


@keras.saving.register_keras_serializable(package="keras_classics")
def scaled_tanh(x: Tensor) -> Tensor:
    """The squashing function `f(a) = A tanh(S a)` of the LeNet papers.

    With `A = 1.7159` and `S = 2/3`, `f(1) = 1` and `f(-1) = -1`. Targets of +1 and -1 then lie
    inside the range (-A, A), where the curvature is largest, and not on its asymptotes.

    Args:
        x: Weighted sums `a`, a tensor of any shape and floating type.

    Returns:
        A tensor of the shape and type of `x`, in (-1.7159, 1.7159).

    Example:

    ```python
    import numpy as np
    from keras_classics.activations import scaled_tanh

    scaled_tanh(np.array([-1.0, 0.0, 1.0], "float32"))  # about -1, 0 and 1
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, eq. 6 and appendix A.
    """
    return AMPLITUDE * ops.tanh(SLOPE * x)


@keras.saving.register_keras_serializable(package="keras_classics")
def gelu_tanh(x: Tensor) -> Tensor:
    """GELU in the tanh form that the release of ViT computes.

        gelu(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))

    The exact form is `x Phi(x)`, with the distribution function `Phi` of the standard normal
    distribution. This form differs from it by less than 5e-4. It is the default of
    `keras.ops.gelu` and of `jax.nn.gelu`. Keras's activation `"gelu"`, torchvision and timm have
    the exact form.

    Args:
        x: A tensor of any shape and floating type.

    Returns:
        A tensor of the shape and type of `x`.

    Example:

    ```python
    import numpy as np
    from keras_classics.activations import gelu_tanh

    gelu_tanh(np.array([-1.0, 0.0, 1.0], "float32"))  # about -0.1588, 0 and 0.8412
    ```

    Reference: Hendrycks & Gimpel, "Gaussian Error Linear Units (GELUs)", 2016
    (arXiv:1606.08415), section 2.
    """
    fused = backend.fused_gelu(x)
    return ops.gelu(x, approximate=True) if fused is None else fused(x)


_NAMED = {function.__name__: function for function in (scaled_tanh, gelu_tanh)}


def get(identifier: Activation) -> Callable:
    """An activation by its name, those of this module included.

    Args:
        identifier: `"scaled_tanh"`, `"gelu_tanh"`, or what `keras.activations.get` takes.

    Returns:
        The function.

    Raises:
        ValueError: If there is none of this name.

    Example:

    ```python
    from keras_classics import activations

    activations.get("gelu_tanh") is activations.gelu_tanh  # True
    ```
    """
    if isinstance(identifier, str) and identifier in _NAMED:
        return _NAMED[identifier]
    return keras.activations.get(identifier)


@arguments(activation=Rule("a function", callable))
def serialize(activation: Callable) -> str | dict:
    """What `get` makes the activation of: a name of this module, or Keras's configuration.

    Args:
        activation: A function.

    Example:

    ```python
    from keras_classics import activations

    activations.serialize(activations.gelu_tanh)  # "gelu_tanh"
    ```
    """
    if activation in _NAMED.values():
        return activation.__name__
    return keras.activations.serialize(activation)
