"""LeCun 1989: LeCun, Boser, Denker, Henderson, Howard, Hubbard & Jackel,
"Backpropagation Applied to Handwritten Zip Code Recognition", Neural
Computation 1(4), 1989.

Follows section 3.3 and figure 3: the units of a map share their weights, each unit has a
bias of its own, and the background beyond the edges is -1. The numbers of parameters and
connections of every layer are the paper's.

The paper is silent on
- which 8 of the 12 maps of H1 a map of H2 reads: here the maps of H1 form three
  groups of four, and each map of H2 leaves one group out, so that every map of H1
  is read by 8 maps of H2;
- the constants of the squashing function: here those of the 1998 paper;
- the initial biases: here zero.
"""

import os

import keras
from keras import layers

from keras_classics.activations import Activation, scaled_tanh
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.checks import arguments
from keras_classics.initializers import FanInUniform, Initializer
from keras_classics.layers import ConstantPadding2D, MapConv2D, UnitBias

H2_CONNECTIONS = [[m for m in range(12) if m % 3 != i % 3] for i in range(12)]


@arguments()
@pretrained
def LeCun1989(
    *,
    kernel_initializer: Initializer = FanInUniform,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (16, 16, 1),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = scaled_tanh,
    name: str | None = None,
) -> keras.Model:
    """The zip-code network of 1989: 9,760 parameters, 64,660 connections.

    Args:
        kernel_initializer: Initial kernels (section 4); each layer draws with a
            copy of its own. Paper: `FanInUniform`.
        include_top: Whether to build H3 and the output units.
        weights: `None`, the name of a release, `"usps"`, or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`. Paper: `(16, 16, 1)`, grey levels
            from -1 (paper) to +1 (ink).
        pooling: Without the top: `None` (the maps of H2), `"avg"` or `"max"`.
        classes: Number of classes.
        classifier_activation: Activation of the output units. Paper: the squashing
            function, with targets inside its range (+1 and -1 in the companion
            paper of NIPS 1989).
        name: Name of the model. Default: `lecun1989`.

    Returns:
        A functional `keras.Model` with the layers H1, H2, H3 and output.

    Example:

    ```python
    from keras_classics.applications import LeCun1989

    model = LeCun1989()
    ```
    """

    def start():
        return {"kernel_initializer": fresh(kernel_initializer)}

    def shared():
        return {"strides": 2, "use_bias": False, **start()}

    image = keras.Input(input_shape, name="image")
    x = ConstantPadding2D(2, -1.0, name="H1_border")(image)
    x = layers.Conv2D(12, 5, data_format="channels_last", **shared(), name="H1_kernels")(x)
    x = UnitBias(activation=scaled_tanh, name="H1")(x)  # 8x8
    x = ConstantPadding2D(2, -1.0, name="H2_border")(x)
    x = MapConv2D(12, 5, H2_CONNECTIONS, **shared(), name="H2_kernels")(x)
    x = UnitBias(activation=scaled_tanh, name="H2")(x)  # 4x4
    if include_top:
        x = layers.Flatten("channels_last", name="flatten")(x)
        x = layers.Dense(30, activation=scaled_tanh, **start(), name="H3")(x)
        x = layers.Dense(
            classes, activation=classifier_activation, **start(), dtype="float32", name="output"
        )(x)
    else:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name or "lecun1989")
