"""VGG: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale
Image Recognition", ICLR 2015 (arXiv:1409.1556).

Follows Table 1 and section 2.1; the growing of section 3.1 is `grow`, the dense
evaluation of section 3.2 is `dense`. The numbers of parameters are Table 2's.

Departures: dropout doubles what it keeps in training, where the paper halves all
outputs at test time; the expectation is the same.

The paper is silent on
- the order of ReLU and LRN in A-LRN: here LRN comes after, as in the cited Krizhevsky
  et al.;
- images smaller than 224: here at least 32, so that five poolings leave one position;
- the position of net A's fourth layer in a deeper net: see `grow`;
- the soft-max in the dense evaluation, and maps of an odd side: see `dense`.
"""

import os

import keras
from keras import layers

from keras_classics.activations import Activation
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.applications.typed import typed
from keras_classics.checks import MODEL, arguments, one_of
from keras_classics.graphs import models_within
from keras_classics.initializers import Initializer
from keras_classics.layers import LocalResponseNormalization

# Table 1, one column per entry and one inner list per stage, which a max-pool ends.
# The table's "conv3-64" is (3, 64): receptive field, channels.
LRN = "LRN"
CONFIGURATIONS: dict[str, list] = {
    "A": [[(3, 64)], [(3, 128)], [(3, 256)] * 2, [(3, 512)] * 2, [(3, 512)] * 2],
    "A-LRN": [[(3, 64), LRN], [(3, 128)], [(3, 256)] * 2, [(3, 512)] * 2, [(3, 512)] * 2],
    "B": [[(3, 64)] * 2, [(3, 128)] * 2, [(3, 256)] * 2, [(3, 512)] * 2, [(3, 512)] * 2],
    "C": [
        [(3, 64)] * 2,
        [(3, 128)] * 2,
        [(3, 256), (3, 256), (1, 256)],
        [(3, 512), (3, 512), (1, 512)],
        [(3, 512), (3, 512), (1, 512)],
    ],
    "D": [[(3, 64)] * 2, [(3, 128)] * 2, [(3, 256)] * 3, [(3, 512)] * 3, [(3, 512)] * 3],
    "E": [[(3, 64)] * 2, [(3, 128)] * 2, [(3, 256)] * 4, [(3, 512)] * 4, [(3, 512)] * 4],
}

UNITS = 4096  # of fc6 and fc7: "FC-4096"

# Section 3.1: random initial weights, of variance 1e-2, and the layers that net A initializes.
GAUSSIAN = keras.initializers.RandomNormal(stddev=0.1)
FIRST_FOUR = ("conv1_1", "conv2_1", "conv3_1", "conv3_2")
FULLY_CONNECTED = ("fc6", "fc7", "predictions")


@arguments(configuration=one_of(*CONFIGURATIONS))
@pretrained
def VGG(
    configuration: str,
    *,
    kernel_initializer: Initializer = "glorot_uniform",
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A column of Table 1, with the paper's dropout in its top.

    Args:
        configuration: `"A"`, `"A-LRN"`, `"B"`, `"C"`, `"D"` or `"E"`: 11, 11, 13, 16, 16 or 19
            layers with weights.
        kernel_initializer: Initial kernels; each layer draws with a copy of its own. The paper
            has two: `GAUSSIAN` for net A, from which the others `grow`; and Glorot's for any
            configuration, found sufficient after submission.
        include_top: Whether to build fc6, fc7 and the output.
        weights: `None`, the name of a release or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`, at least 32 high and wide; `None`
            for either without the top. Paper: `(224, 224, 3)`, RGB less its mean
            over the training set.
        pooling: Without the top: `None` (the maps of pool5), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 1000.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `vgg_a_lrn` for A-LRN, and so on.

    Returns:
        A functional `keras.Model` with the layers conv1_1, ..., pool1, conv2_1, ...,
        pool5, fc6, dropout6, fc7, dropout7, predictions, and lrn1 in A-LRN.

    Example:

    ```python
    from keras_classics.applications import VGG

    model = VGG("A", input_shape=(64, 64, 3), include_top=False, pooling="avg")
    ```
    """
    if include_top and None in input_shape[:2]:
        raise ValueError(
            "The fully connected layers need an image of known size: give one, and turn the "
            "model into one for images of any size by `dense`; or take include_top=False. "
            f"Received: input_shape={input_shape}"
        )
    if any(side is not None and side < 32 for side in input_shape[:2]):
        raise ValueError(
            "VGG halves the image five times and needs one of at least 32x32. "
            f"Received: input_shape={input_shape}"
        )

    def start():
        return {"activation": "relu", "kernel_initializer": fresh(kernel_initializer)}

    x = image = keras.Input(input_shape, name="image")
    for s, stage in enumerate(CONFIGURATIONS[configuration], start=1):
        for i, entry in enumerate(stage, start=1):
            if entry == LRN:
                x = LocalResponseNormalization(name=f"lrn{s}")(x)
            else:
                size, channels = entry
                x = layers.Conv2D(
                    channels,
                    size,
                    padding="same",
                    data_format="channels_last",
                    **start(),
                    name=f"conv{s}_{i}",
                )(x)
        x = layers.MaxPooling2D(2, data_format="channels_last", name=f"pool{s}")(x)
    if include_top:
        x = layers.Flatten("channels_last", name="flatten")(x)
        x = layers.Dense(UNITS, **start(), name="fc6")(x)
        x = layers.Dropout(0.5, name="dropout6")(x)
        x = layers.Dense(UNITS, **start(), name="fc7")(x)
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
    name = name or f"vgg_{configuration.lower().replace('-', '_')}"
    return keras.Model(image, x, name=name)


VGG11 = typed(VGG, "A")
VGG13 = typed(VGG, "B")
VGG16 = typed(VGG, "D")
VGG19 = typed(VGG, "E")


@arguments(model=MODEL, configuration=one_of(*CONFIGURATIONS))
def grow(model: keras.Model, configuration: str) -> keras.Model:
    """A deeper net with initial weights from a trained one (section 3.1).

    The first four convolutions of net A and the three fully connected layers are copied
    from `model`; all others start from `GAUSSIAN`, with biases of 0. No learning rate of a
    layer is lowered. By their shapes, the first three convolutions fit one position each,
    the first of their stage. The fourth, `conv3_2`, keeps its name.

    Args:
        model: A trained `VGG` with its top. Paper: net A.
        configuration: The deeper net's column of Table 1.

    Returns:
        `VGG(configuration)` for the images and classes of `model`; its weights are
        its own.

    Raises:
        ValueError: If `model` has other layers than a `VGG` with its top.

    Example:

    ```python
    from keras_classics.applications import VGG
    from keras_classics.applications.vgg import grow

    net_a = VGG("A", input_shape=(32, 32, 3), classes=10)
    deeper = grow(net_a, "B")
    ```
    """
    _check(model)
    deeper = VGG(
        configuration,
        input_shape=model.input_shape[1:],
        classes=model.output_shape[-1],
        classifier_activation=model.get_layer("predictions").activation,
        kernel_initializer=GAUSSIAN,
    )
    for name in FIRST_FOUR + FULLY_CONNECTED:
        deeper.get_layer(name).set_weights(model.get_layer(name).get_weights())
    return deeper


@arguments(model=MODEL)
def dense(model: keras.Model, convention: str = "paper") -> keras.Model:
    """The net for uncropped images of any size, for testing (section 3.2).

    fc6 becomes a convolution with a kernel of the size of pool5's map (7x7 for images of
    224x224), fc7 and the output become 1x1 convolutions, with the same weights. The
    class score map is averaged over its positions, and the soft-max follows: the
    paper names soft-max posteriors only after the average. On an image of the size
    that `model` takes, both predict the same. The weights are a copy, and there is no dropout:
    train `model`, and take its dense net anew. (The paper then averages the posteriors
    of an image and of its mirror image.)

    The paper is silent on maps of an odd side. Its numbers come from a program derived from Caffe
    (section 3.3), whose pools take a last window that hangs over the edge: of an image of 256x341,
    pool5 is 8x11 and the score map 2x5. Without that window they are 8x10 and 2x4.

    Args:
        model: A trained `VGG` with its top.
        convention: `"caffe"` rounds the sides of pooled maps up, as the paper's numbers were
            measured. `"paper"` rounds them down, as in `VGG`.

    Returns:
        A functional `keras.Model` for images at least as high and wide as those of
        `model`, with the layers of `model` up to fc7, `score_map`, `scores` and
        `posteriors`.

    Raises:
        ValueError: If `model` has other layers than a `VGG` with its top, or there is no such
            `convention`.

    Example:

    ```python
    from keras_classics.applications import VGG
    from keras_classics.applications.vgg import dense

    model = dense(VGG("A", input_shape=(32, 32, 3), classes=10))
    model.input_shape  # (None, None, None, 3)
    ```
    """
    _check(model)
    padding = "same" if convention == "caffe" else "valid"

    def renewed(layer):
        more = {"padding": padding} if isinstance(layer, layers.MaxPooling2D) else {}
        return type(layer).from_config({**layer.get_config(), **more})

    image = keras.Input((None, None, model.input_shape[-1]), name="image")
    maps = keras.Model(model.input, model.get_layer("pool5").output)
    x = keras.models.clone_model(maps, image, clone_function=renewed).output

    size, classes = maps.output_shape[1:3], model.output_shape[-1]
    fc6, fc7 = (model.get_layer(name).units for name in ("fc6", "fc7"))
    x = layers.Conv2D(fc6, size, data_format="channels_last", activation="relu", name="fc6")(x)
    x = layers.Conv2D(fc7, 1, data_format="channels_last", activation="relu", name="fc7")(x)
    x = layers.Conv2D(classes, 1, data_format="channels_last", dtype="float32", name="score_map")(x)
    x = layers.GlobalAveragePooling2D("channels_last", dtype="float32", name="scores")(x)
    activation = model.get_layer("predictions").activation
    x = layers.Activation(activation, dtype="float32", name="posteriors")(x)
    network = keras.Model(image, x, name=f"{model.name}_dense")
    pairs = zip(model.get_weights(), network.weights, strict=True)
    network.set_weights([value.reshape(weight.shape) for value, weight in pairs])
    return network


def _check(model):
    missing = {*FIRST_FOUR, *FULLY_CONNECTED} - {layer.name for layer in model.layers}
    if missing:
        raise ValueError(
            f"`model` must be one that `VGG` built, with its top.{models_within(model)} "
            "Received: a model without the "
            f"layers {', '.join(sorted(missing))}"
        )
