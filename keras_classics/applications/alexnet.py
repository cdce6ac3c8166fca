"""AlexNet: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep
Convolutional Neural Networks", NIPS 2012.

Follows section 3.5, figure 2 and the initial weights of section 5. The numbers of neurons are
figure 2's, but for conv1: 55x55x96 are 290,400, and the caption's 253,440 are 55x48x96.

Departures:
- dropout doubles what it keeps in training, where the paper halves all outputs at test
  time; the expectation is the same;
- a response is normalized across all maps of its layer, as equation and text of
  section 3.3 have it ("N is the total number of kernels in the layer"); the author's
  later program normalizes the maps of each GPU separately, as the layer does with `groups=2`;
- `towers=1` connects every map to all maps of the layer before and keeps the widths,
  as most libraries do. The one-GPU net of the paper's comparison, 1.7 and 1.2 points worse
  (section 3.2), is `AlexNet(towers=1, halved=True)`.

The paper is silent on the padding. 224x224 gives the 55x55 of figure 2 where the last
windows of conv1 hang over the right and lower edge by three zeros, as in the author's
program; conv2 to conv5 keep the size of their maps.
"""

import os
from typing import Any

import keras
from keras import layers

from keras_classics.activations import Activation
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.checks import BOOL, COUNT, arguments
from keras_classics.initializers import Initializer
from keras_classics.layers import (
    GroupedConv2D,
    LocalResponseNormalization,
    OverlappingMaxPooling2D,
)

# Section 5: zero mean, standard deviation 0.01.
GAUSSIAN = keras.initializers.RandomNormal(stddev=0.01)
UNITS = 4096  # of fc6 and fc7 (section 3.5)


@arguments(towers=COUNT, halved=BOOL)
@pretrained
def AlexNet(
    *,
    towers: int = 2,
    halved: bool = False,
    lrn: bool = True,
    overlapping_pooling: bool = True,
    kernel_initializer: Initializer = GAUSSIAN,
    bias_start: float = 1.0,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
    convention: str = "paper",
) -> keras.Model:
    """The network of 2012: five convolutions, three fully connected layers.

    The biases of 1 "accelerate the early stages of learning by providing the ReLUs with
    positive inputs" (section 5). Others who trained the network with them saw a loss that
    stays flat, and took `bias_start=0.1`.

    Args:
        towers: Groups of maps in conv2, conv4 and conv5, each of which reads only the
            maps of its own GPU in the layer before. Paper: 2; 1 connects all maps.
        halved: Whether conv1 to conv4 have half the kernels, in one tower: the net of one GPU,
            with as many in conv5 and as many units in fc6 and fc7 (footnote 2).
        lrn: Whether conv1 and conv2 are followed by local response normalization
            (section 3.3).
        overlapping_pooling: Whether pools take windows of 3x3, 2 apart, or else of
            2x2 (section 3.4), which give maps of the same size from 224x224.
        kernel_initializer: Initial kernels (section 5); each layer draws with a copy of its
            own. Paper: `GAUSSIAN`.
        bias_start: Initial biases of conv2, conv4, conv5, fc6 and fc7 (section 5); the others
            start at 0. Paper: 1.
        include_top: Whether to build fc6, fc7 and the output.
        weights: `None`, the name of a release or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`, at least 64 high and wide, or 36
            without overlapping; `None` for either without the top. Paper:
            `(224, 224, 3)`, RGB from 0 to 255 less the mean image of the training set.
        pooling: Without the top: `None` (the maps of pool5), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 1000.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `alexnet`, or `alexnet_one_gpu` if halved.
        convention: No part of the paper. `"caffe"` normalizes with the constants of Caffe's
            training (k = 1, alpha = 1e-4 / 5), as its weights need it; `"paper"` with those
            of section 3.3.

    Returns:
        A functional `keras.Model` with the layers conv1, lrn1, pool1, conv2, lrn2,
        pool2, conv3, conv4, conv5, pool5, fc6, dropout6, fc7, dropout7, predictions.

    Example:

    ```python
    from keras_classics.applications import AlexNet

    model = AlexNet(input_shape=(64, 64, 3), classes=10)
    one_tower = AlexNet(towers=1, lrn=False, include_top=False, pooling="avg")
    ```
    """
    if halved and towers != 1:
        raise ValueError(
            "The net with half the kernels is that of one GPU: give towers=1. "
            f"Received: towers={towers}, halved={halved}"
        )
    constants = {"bias": 1.0, "alpha": 1e-4 / 5} if convention == "caffe" else {}
    least = 64 if overlapping_pooling else 36
    if any(side is not None and side < least for side in input_shape[:2]):
        raise ValueError(
            f"AlexNet needs an image of at least {least}x{least}, so that pool5 has a window "
            f"(the paper: 224x224). Received: input_shape={input_shape}"
        )
    if include_top and None in input_shape[:2]:
        raise ValueError(
            "The fully connected layers need an image of known size: give one, or take "
            f"include_top=False. Received: input_shape={input_shape}"
        )

    def start(bias=0):
        return {
            "activation": "relu",
            "kernel_initializer": fresh(kernel_initializer),
            "bias_initializer": keras.initializers.Constant(bias),
        }

    def normalize(x, name):
        return LocalResponseNormalization(**constants, name=name)(x) if lrn else x

    def subsample(x, name):
        if overlapping_pooling:
            return OverlappingMaxPooling2D(name=name)(x)
        return layers.MaxPooling2D(2, data_format="channels_last", name=name)(x)

    edge = ((0, 3), (0, 3))
    gpus = 1 if halved else 2  # each has 48, 128, 192 and 192 kernels of conv1 to conv4
    same: dict[str, Any] = {"padding": "same", "data_format": "channels_last"}
    image = keras.Input(input_shape, name="image")
    x = layers.ZeroPadding2D(edge, data_format="channels_last", name="conv1_edge")(image)
    x = layers.Conv2D(48 * gpus, 11, 4, data_format="channels_last", **start(), name="conv1")(
        x
    )  # 55x55
    x = normalize(x, "lrn1")
    x = subsample(x, "pool1")  # 27x27
    x = GroupedConv2D(128 * gpus, 5, towers, **same, **start(bias_start), name="conv2")(x)
    x = normalize(x, "lrn2")
    x = subsample(x, "pool2")  # 13x13
    x = layers.Conv2D(192 * gpus, 3, **same, **start(), name="conv3")(x)
    x = GroupedConv2D(192 * gpus, 3, towers, **same, **start(bias_start), name="conv4")(x)
    x = GroupedConv2D(256, 3, towers, **same, **start(bias_start), name="conv5")(x)
    x = subsample(x, "pool5")  # 6x6
    if include_top:
        x = layers.Flatten("channels_last", name="flatten")(x)
        x = layers.Dense(UNITS, **start(bias_start), name="fc6")(x)
        x = layers.Dropout(0.5, name="dropout6")(x)
        x = layers.Dense(UNITS, **start(bias_start), name="fc7")(x)
        x = layers.Dropout(0.5, name="dropout7")(x)
        x = layers.Dense(
            classes,
            activation=classifier_activation,
            kernel_initializer=fresh(kernel_initializer),
            dtype="float32",
            name="predictions",
        )(x)
    else:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name or ("alexnet_one_gpu" if halved else "alexnet"))
