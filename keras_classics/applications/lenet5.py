"""LeNet-5: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to
Document Recognition", Proc. IEEE 86(11), 1998.

Follows section II.B, figure 2 and Table I; the codes are figure 3's. The numbers
of parameters and connections of every layer are the paper's.

Departures: the output is the negated penalty `-y_i`, so that the largest score
is the class; `head="softmax"` is the usual classifier of today on the same F6.

The paper is silent on the initial biases (here zero) and the initial coefficients of the
subsampling (here 1/4, the mean).
"""

import os

import keras
from keras import layers

from keras_classics.activations import Activation, scaled_tanh
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.checks import arguments, one_of
from keras_classics.initializers import FanInUniform, Initializer
from keras_classics.layers import (
    CoveringConv2D,
    MapConv2D,
    RBFOutput,
    ScaledSubsampling2D,
    ascii_codes,
)

# Table I, one column after the other: the maps of S2 that each map of C3 reads.
C3_CONNECTIONS = [
    *([0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5]),
    *([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5]),
    *([0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5]),
    [0, 1, 2, 3, 4, 5],
]

# The classes of the RBF head, in order: the digits, then the rest of figure 3.
CHARACTERS = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)


@arguments(head=one_of("rbf", "softmax"))
@pretrained
def LeNet5(
    *,
    head: str = "rbf",
    kernel_initializer: Initializer = FanInUniform,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (32, 32, 1),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """LeNet-5 with its connection table, its subsampling and its RBF output.

    Args:
        head: `"rbf"`: scores `-y_i`, the negated squared distances between F6 and
            the class codes, for `losses.MaximumLikelihood`, `losses.MaximumAPosteriori`
            or a cross-entropy with `from_logits=True`. `"softmax"`: a dense softmax
            layer, for a cross-entropy.
        kernel_initializer: Initial kernels (appendix A); each layer draws with a
            copy of its own. Paper: `FanInUniform`.
        include_top: Whether to build F6 and the output.
        weights: `None`, the name of a release, `"mnist"`, or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`, at least 32 high and wide. Paper:
            `(32, 32, 1)`, paper at -0.1 and ink at 1.175.
        pooling: Without the top: `None` (the maps of C5), `"avg"` or `"max"`.
        classes: Number of classes. `"rbf"` has codes for 95, the digits first.
        classifier_activation: Activation of the `"softmax"` head.
        name: Name of the model. Default: `lenet5`.

    Returns:
        A functional `keras.Model` with the layers C1, S2, C3, S4, C5, F6.

    Example:

    ```python
    from keras_classics.applications import LeNet5

    model = LeNet5()
    model.get_layer("C3").output  # (None, 10, 10, 16)
    classifier = LeNet5(head="softmax", classes=26)
    ```
    """
    if include_top and head == "rbf" and classes > len(CHARACTERS):
        raise ValueError(
            f"Figure 3 draws codes for {len(CHARACTERS)} classes; beyond that take "
            f'head="softmax". Received: classes={classes}'
        )
    if min(side or 0 for side in input_shape[:2]) < 32:
        raise ValueError(
            "LeNet-5 needs an image of at least 32x32: pad a 28x28 digit with two rows and "
            f"columns of background on each side. Received: input_shape={input_shape}"
        )

    def start():
        return {"activation": scaled_tanh, "kernel_initializer": fresh(kernel_initializer)}

    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(6, 5, data_format="channels_last", **start(), name="C1")(image)  # 28x28
    x = ScaledSubsampling2D(2, activation=scaled_tanh, name="S2")(x)  # 14x14
    x = MapConv2D(16, 5, C3_CONNECTIONS, **start(), name="C3")(x)  # 10x10
    x = ScaledSubsampling2D(2, activation=scaled_tanh, name="S4")(x)  # 5x5
    x = CoveringConv2D(120, 5, **start(), name="C5")(x)  # 1x1
    if include_top:
        x = layers.Flatten("channels_last", name="flatten")(x)
        x = layers.Dense(84, **start(), name="F6")(x)
        if head == "rbf":
            codes = ascii_codes(CHARACTERS[:classes])
            x = RBFOutput(classes, codes, dtype="float32", name="RBF")(x)
            x = layers.Rescaling(-1.0, dtype="float32", name="scores")(x)
        else:
            x = layers.Dense(
                classes,
                activation=classifier_activation,
                kernel_initializer=fresh(kernel_initializer),
                dtype="float32",
                name="predictions",
            )(x)
    else:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name or "lenet5")
