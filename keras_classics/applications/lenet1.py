"""LeNet-1: LeCun, Boser, Denker, Henderson, Howard, Hubbard & Jackel, "Handwritten
Digit Recognition with a Back-Propagation Network", NIPS 2, 1990.

Follows section 3, figure 3 and Table 1; the 1998 paper calls the network LeNet-1.
Parameters and connections of every layer are the paper's.

The paper is silent on the squashing of the averaging layers H2 and H4: every unit
of the network squashes here, as in LeNet-5. It is silent on the initial weights, too: here
the kernels follow the rule of the same authors' 1989 paper, +-2.4/F_i; H2 and H4 start as
the mean, and all biases at zero.
"""

import os

import keras
from keras import layers

from keras_classics.activations import Activation, scaled_tanh
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.checks import arguments
from keras_classics.initializers import FanInUniform, Initializer
from keras_classics.layers import MapConv2D, ScaledSubsampling2D

# Table 1, one column after the other: the maps of H2 that each map of H3 reads.
H3_CONNECTIONS = [
    [0],
    [0, 1],
    [0, 1],
    [1],
    [0, 1],
    [0, 1],
    [2],
    [2, 3],
    [2, 3],
    [3],
    [2, 3],
    [2, 3],
]


@arguments()
@pretrained
def LeNet1(
    *,
    kernel_initializer: Initializer = FanInUniform,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (28, 28, 1),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = scaled_tanh,
    name: str | None = None,
) -> keras.Model:
    """LeNet-1, the network of NIPS 1989: two convolutions, two averagings, ten units.

    Args:
        kernel_initializer: Initial kernels, on which the paper is silent; each layer draws
            with a copy of its own.
        include_top: Whether to build the output units.
        weights: `None`, the name of a release, `"usps"`, or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`, at least 16 high and wide. Paper:
            `(28, 28, 1)` with a digit of 16x16 in the middle, paper at -1 and ink
            at +1.
        pooling: Without the top: `None` (the maps of H4), `"avg"` or `"max"`.
        classes: Number of classes.
        classifier_activation: Activation of the output units. Paper: the squashing
            function, with targets of +1 for the class and -1 for the others.
        name: Name of the model. Default: `lenet1`.

    Returns:
        A functional `keras.Model` with the layers H1, H2, H3, H4 and output.

    Example:

    ```python
    from keras_classics.applications import LeNet1

    model = LeNet1()
    ```
    """
    if min(side or 0 for side in input_shape[:2]) < 16:
        raise ValueError(
            "LeNet-1 needs an image of at least 16x16 (the paper: 28x28). "
            f"Received: input_shape={input_shape}"
        )

    def start():
        return {"activation": scaled_tanh, "kernel_initializer": fresh(kernel_initializer)}

    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(4, 5, data_format="channels_last", **start(), name="H1")(image)  # 24x24
    x = ScaledSubsampling2D(2, activation=scaled_tanh, name="H2")(x)  # 12x12
    x = MapConv2D(12, 5, H3_CONNECTIONS, **start(), name="H3")(x)  # 8x8
    x = ScaledSubsampling2D(2, activation=scaled_tanh, name="H4")(x)  # 4x4
    if include_top:
        x = layers.Flatten("channels_last", name="flatten")(x)
        x = layers.Dense(
            classes,
            activation=classifier_activation,
            kernel_initializer=fresh(kernel_initializer),
            dtype="float32",
            name="output",
        )(x)
    else:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name or "lenet1")
