"""GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015
(arXiv:1409.4842).

Follows Table 1, section 5 and figure 3. Only the figure shows the positions of the local
response normalization. It marks every convolution and pool as padded to its stride (S), but
for the average pools (V). All widths are Table 1's. Some of the numbers of
parameters and operations that the table prints do not follow from its own widths;
`keras-classics report googlenet` names them.

Departures:
- dropout scales up what it keeps in training;
- the average pool before the classifier covers the whole map, whatever its size; at
  224x224 that is the paper's 7x7.

The paper is silent on
- the constants of the normalization: here k = 1 and alpha = 1e-4 / 5, those of Caffe's
  published training of this network. AlexNet's are k = 2 and alpha = 1e-4;
- the initial weights: here Glorot's, and biases of 0.
"""

import os
from typing import Any

import keras
from keras import layers

from keras_classics.activations import Activation
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.checks import arguments
from keras_classics.initializers import Initializer
from keras_classics.layers import (
    AveragePooling2D,
    LocalResponseNormalization,
    OverlappingMaxPooling2D,
    SymmetricConv2D,
)

# Table 1, one row per module: "#1x1", "#3x3 reduce", "#3x3", "#5x5 reduce", "#5x5",
# "pool proj". A max-pool ends each stage but the last.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}

# Section 5: the losses of the auxiliary classifiers, on 4a and 4d, count 0.3.
LOSS_WEIGHTS = {"predictions": 1.0, "auxiliary_4a": 0.3, "auxiliary_4d": 0.3}


@arguments()
@pretrained
def GoogLeNet(
    *,
    auxiliary: bool = False,
    kernel_initializer: Initializer = "glorot_uniform",
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
    convention: str = "paper",
) -> keras.Model:
    """The network of 2014: nine inception modules, 22 layers with weights.

    It trains with the auxiliary classifiers, which are dropped afterwards: see the example. A
    weights file of the network that remains is one for `GoogLeNet(weights=...)`.

    Args:
        auxiliary: Whether to build the two auxiliary classifiers. The output is then
            a dict, with the keys of `LOSS_WEIGHTS`.
        kernel_initializer: Initial kernels, on which the paper is silent; each layer draws with
            a copy of its own.
        include_top: Whether to build the output.
        weights: `None`, the name of a release or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`; `None` for height or width, and any
            size, without the auxiliary classifiers, which need 65. Paper:
            `(224, 224, 3)`, RGB less its mean.
        pooling: Without the top: `None` (the maps of inception_5b), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 1000.
        classifier_activation: Activation of the outputs; `None` gives the scores.
        name: Name of the model. Default: `googlenet`.
        convention: No part of the paper. `"caffe"` pads conv1 on all sides alike and the pools
            after their maps, as the weights of Caffe's training need it. `"paper"` pads as
            figure 3's S, computed as TensorFlow does. Only conv1 differs while all sides are
            even.

    Returns:
        A functional `keras.Model` with the layers conv1, pool1, lrn1, conv2_reduce,
        conv2, lrn2, pool2, inception_3a, ..., inception_5b, avg_pool, dropout,
        predictions; within a module, for example, inception_3a_1x1,
        inception_3a_3x3_reduce, inception_3a_3x3, inception_3a_5x5_reduce,
        inception_3a_5x5, inception_3a_pool and inception_3a_pool_proj.

    Example:

    ```python
    import keras
    import numpy as np
    from keras_classics.applications import GoogLeNet
    from keras_classics.applications.googlenet import LOSS_WEIGHTS, for_each_head

    model = GoogLeNet(auxiliary=True, input_shape=(65, 65, 3), classes=10)
    loss = for_each_head("sparse_categorical_crossentropy")
    model.compile("sgd", loss, loss_weights=LOSS_WEIGHTS)
    images, labels = np.zeros((4, 65, 65, 3)), np.arange(4)
    model.fit(images, for_each_head(labels))
    network = keras.Model(model.input, model.output["predictions"])
    ```
    """
    caffe = convention == "caffe"
    if auxiliary and not include_top:
        raise ValueError(
            "The auxiliary classifiers are outputs beside the top's: take include_top=True, or "
            "auxiliary=False. Received: auxiliary=True, include_top=False"
        )
    if auxiliary and min(side or 0 for side in input_shape[:2]) < 65:
        raise ValueError(
            "The auxiliary classifiers need an image of known size, at least 65x65, so that "
            f"their average pool has a window. Received: input_shape={input_shape}"
        )

    def convolution(maps, size, name, strides=1):
        return (SymmetricConv2D if caffe and strides > 1 else layers.Conv2D)(
            maps,
            size,
            strides,
            padding="same",
            use_bias=True,
            activation="relu",
            data_format="channels_last",
            kernel_initializer=fresh(kernel_initializer),
            name=name,
        )

    def subsample(x, name):
        if caffe:  # zeros will do: no value of the maps is below 0
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), "channels_last", name=f"{name}_pad")(x)
            return OverlappingMaxPooling2D(3, 2, name=name)(x)
        return OverlappingMaxPooling2D(3, 2, padding="same", name=name)(x)

    def inception(x, module):
        """Figure 2(b): four branches, side by side in the order of Table 1's columns."""
        one, three_reduce, three, five_reduce, five, projection = MODULES[module]
        name = f"inception_{module}"
        a = convolution(one, 1, f"{name}_1x1")(x)
        b = convolution(three_reduce, 1, f"{name}_3x3_reduce")(x)
        b = convolution(three, 3, f"{name}_3x3")(b)
        c = convolution(five_reduce, 1, f"{name}_5x5_reduce")(x)
        c = convolution(five, 5, f"{name}_5x5")(c)
        d = OverlappingMaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
        d = convolution(projection, 1, f"{name}_pool_proj")(d)
        return layers.Concatenate(axis=-1, name=name)([a, b, c, d])

    def auxiliary_classifier(x, name):
        """Section 5: a smaller network on top of a module's maps, pooled to 4x4."""
        x = AveragePooling2D(5, 3, padding="valid", name=f"{name}_pool")(x)
        x = convolution(128, 1, f"{name}_conv")(x)
        x = layers.Flatten("channels_last", name=f"{name}_flatten")(x)
        x = layers.Dense(
            1024,
            activation="relu",
            kernel_initializer=fresh(kernel_initializer),
            name=f"{name}_fc",
        )(x)
        x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
        return classifier(x, name)

    def classifier(x, name):
        return layers.Dense(
            classes,
            activation=classifier_activation,
            kernel_initializer=fresh(kernel_initializer),
            dtype="float32",
            name=name,
        )(x)

    image = keras.Input(input_shape, name="image")
    x = convolution(64, 7, "conv1", strides=2)(image)  # 112x112
    x = subsample(x, "pool1")  # 56x56
    x = _normalize("lrn1")(x)
    x = convolution(64, 1, "conv2_reduce")(x)
    x = convolution(192, 3, "conv2")(x)
    x = _normalize("lrn2")(x)
    x = subsample(x, "pool2")  # 28x28
    x = inception(x, "3a")
    x = inception(x, "3b")
    x = subsample(x, "pool3")  # 14x14
    x = inception_4a = inception(x, "4a")
    x = inception(x, "4b")
    x = inception(x, "4c")
    x = inception_4d = inception(x, "4d")
    x = inception(x, "4e")
    x = subsample(x, "pool4")  # 7x7
    x = inception(x, "5a")
    x = inception(x, "5b")
    if include_top:
        x = layers.GlobalAveragePooling2D("channels_last", name="avg_pool")(x)
        x = layers.Dropout(0.4, name="dropout")(x)
        x = classifier(x, "predictions")
    else:
        x = pool(x, pooling)
    if auxiliary:
        x = {
            "predictions": x,
            "auxiliary_4a": auxiliary_classifier(inception_4a, "auxiliary_4a"),
            "auxiliary_4d": auxiliary_classifier(inception_4d, "auxiliary_4d"),
        }
    return keras.Model(image, x, name=name or "googlenet")


def for_each_head(value: Any) -> dict[str, Any]:
    """One value for each output of `GoogLeNet(auxiliary=True)`.

    Args:
        value: The labels, or a loss.

    Returns:
        A dict from the names of the outputs to `value`.

    Example:

    ```python
    from keras_classics.applications.googlenet import for_each_head

    for_each_head("sparse_categorical_crossentropy")
    ```
    """
    return dict.fromkeys(LOSS_WEIGHTS, value)


def _normalize(name):
    return LocalResponseNormalization(bias=1.0, alpha=1e-4 / 5, name=name)
