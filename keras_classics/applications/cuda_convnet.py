"""The CIFAR-10 networks of cuda-convnet (Krizhevsky, 2011), to which footnote 3 of
Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012, points for its section 3.3.

Follows the program's layer files `layers-80sec`, `layers-19pct`, `layers-18pct`,
`layers-conv-local-13pct` and `layers-conv-local-11pct`, named after their time or their test
error. Pooling windows hang over the right and bottom edge, as in the program.

Departures: "80sec", "19pct" and "18pct" pool before their first activation; here the
activation comes first. The function is the same, since the maximum and the activation both
increase.
"""

import os
from typing import Any

import keras
from keras import layers

from keras_classics import activations
from keras_classics.activations import Activation
from keras_classics.applications.builder import pool, pretrained
from keras_classics.checks import arguments, one_of
from keras_classics.layers import (
    AveragePooling2D,
    LocallyConnected2D,
    LocalResponseNormalization,
    MapResponseNormalization,
    OverlappingMaxPooling2D,
)

# The layer files from top to bottom: name, maps or units, standard deviation of the
# initial weights. Convolutions are 5x5, local layers 3x3.
CONFIGURATIONS: dict[str, list] = {
    "80sec": [
        ("conv1", 32, 1e-4),
        ("pool1", "max"),
        ("conv2", 32, 0.01),
        ("pool2", "avg"),
        ("conv3", 64, 0.01),
        ("pool3", "avg"),
        ("fc64", 64, 0.1),
        ("fc10", None, 0.1),
    ],
    "19pct": [
        ("conv1", 32, 1e-4),
        ("pool1", "max"),
        ("conv2", 32, 0.01),
        ("pool2", "avg"),
        ("conv3", 64, 0.01),
        ("pool3", "avg"),
        ("fc10", None, 0.01),
    ],
    "18pct": [
        ("conv1", 32, 1e-4),
        ("pool1", "max"),
        ("rnorm1", "within a map"),
        ("conv2", 32, 0.01),
        ("pool2", "avg"),
        ("rnorm2", "within a map"),
        ("conv3", 64, 0.01),
        ("pool3", "avg"),
        ("fc10", None, 0.01),
    ],
    "13pct": [
        ("conv1", 64, 1e-4),
        ("pool1", "max"),
        ("conv2", 64, 0.01),
        ("pool2", "max"),
        ("local3", 32, 0.04),
        ("local4", 32, 0.04),
        ("fc10", None, 0.01),
    ],
    "11pct": [
        ("conv1", 64, 1e-4),
        ("pool1", "max"),
        ("rnorm1", "across maps"),
        ("conv2", 64, 0.01),
        ("rnorm2", "across maps"),
        ("pool2", "max"),
        ("local3", 64, 0.04),
        ("local4", 32, 0.04),
        ("fc10", None, 0.01),
    ],
}


@arguments(configuration=one_of(*CONFIGURATIONS))
@pretrained
def CudaConvNet(
    configuration: str,
    *,
    activation: Activation = "relu",
    lrn: bool = True,
    overlapping_pooling: bool = True,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (32, 32, 3),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A CIFAR-10 network of cuda-convnet.

    Args:
        configuration: `"80sec"`: three convolutions and a dense layer, 145,578
            parameters; `"19pct"` and `"18pct"`: three convolutions, 89,578 parameters, the
            latter with response normalization within a map; `"13pct"` and `"11pct"`: two
            convolutions and two locally connected layers, 1,116,490 and 2,112,970 parameters
            at 24x24, the latter with local response normalization.
        activation: Of every hidden layer. Paper: ReLU; tanh for figure 1.
        lrn: Whether "11pct" normalizes (section 3.3), and "18pct".
        overlapping_pooling: Windows of 3x3, 2 apart; otherwise of 2x2 (section 3.4).
        include_top: Whether to build the dense layers.
        weights: `None`, or the path of a weights file of this network.
        input_shape: `(height, width, channels)`. The program: `(32, 32, 3)`, but crops of
            `(24, 24, 3)` for "13pct" and "11pct"; pixels from 0 to 255,
            less their mean over the training images.
        pooling: Without the top: `None` (the last maps), `"avg"` or `"max"`.
        classes: Number of classes.
        classifier_activation: Activation of the output layer.
        name: Name of the model. Default: `cuda_convnet_` and the configuration.

    Returns:
        A functional `keras.Model`; its layers are named as in the layer files.

    Example:

    ```python
    from keras_classics.applications import CudaConvNet

    model = CudaConvNet("11pct", input_shape=(24, 24, 3))
    tanh = CudaConvNet("80sec", activation="tanh")
    ```
    """

    def start(deviation):
        return {
            "activation": activations.get(activation),
            "kernel_initializer": keras.initializers.RandomNormal(stddev=deviation),
        }

    window: dict[str, Any] = {"pool_size": 3 if overlapping_pooling else 2, "strides": 2}
    window |= {"padding": "same", "data_format": "channels_last"}
    maximum = OverlappingMaxPooling2D if overlapping_pooling else layers.MaxPooling2D

    x = image = keras.Input(input_shape, name="image")
    for label, *entry in CONFIGURATIONS[configuration]:
        kind = label.rstrip("0123456789")
        if kind == "conv":
            filters, deviation = entry
            shared = {"padding": "same", "data_format": "channels_last", "name": label}
            x = layers.Conv2D(filters, 5, **start(deviation), **shared)(x)
        elif kind == "local":
            filters, deviation = entry
            x = LocallyConnected2D(filters, 3, padding="same", **start(deviation), name=label)(x)
        elif kind == "pool":
            cls = maximum if entry == ["max"] else AveragePooling2D
            x = cls(**window, name=label)(x)
        elif kind == "rnorm" and lrn:
            if entry == ["within a map"]:  # scale 5e-5 over the window's 9 units
                x = MapResponseNormalization(3, 1.0, 5e-5 / 9, 0.75, name=label)(x)
            else:  # the program's size 9, scale 0.001 over the window's 9 channels, and k = 1
                x = LocalResponseNormalization(4, 1.0, 0.001 / 9, 0.75, name=label)(x)
        elif kind == "fc" and include_top:
            units, deviation = entry
            if len(x.shape) > 2:
                x = layers.Flatten("channels_last", name="flatten")(x)
            dense = {"units": units, **start(deviation), "name": label}
            if units is None:
                dense |= {"units": classes, "activation": classifier_activation, "dtype": "float32"}
            x = layers.Dense(**dense)(x)
    if not include_top:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name or f"cuda_convnet_{configuration}")
