"""LeNet-5: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to
Document Recognition", Proc. IEEE 86(11), 1998.

Follows section II.B, figure 2 and Table I; the codes are figure 3's. The numbers
of parameters and connections of every layer are the paper's.

Departures: the output is the negated penalty `-y_i`, so that the largest score
is the class; `head="softmax"` is the usual classifier of today on the same F6.

The paper is silent on the initial biases (here zero) and the initial coefficients of the
subsampling (here 1/4, the mean).

Section III.C compares LeNet-5 with other networks, of which these are here, too:

- LeNet-4: 4 maps, 8 subsampled maps, "connected in pairs" to them, 16, 16, 120 units and 10.
  The paper is silent on the table of C3. Its 260,000 connections ask for 48 links: here three maps
  of S2 for each map of C3, of three different maps of C1. They give 262,306 connections and 50,698
  parameters. The printed 17,000 parameters are fewer than those of 120 units that read all 400 of
  S4, 48,120; so the two cannot both be literal. Of the output the paper says "10 units": figure 3
  has no codes for 120 inputs, and these squash, with targets of +1 and -1, as in LeNet-1.
- The fully connected networks of figure 9 and the linear classifier. Figure 9 has 28x28-500-150-10
  where the text has 28x28-1000-150-10; both are here, and figures 11 and 12 count the former. The
  paper is silent on the squashing of their outputs: here as that of all units; the linear
  classifier has none. 20x20-300-10 is `FullyConnected("300", input_shape=(20, 20, 1))`; the paper's
  read deslanted digits.
"""

import os
import re

import keras
from keras import layers

from keras_classics.activations import Activation, scaled_tanh
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.checks import MODEL, Rule, arguments, one_of, whole
from keras_classics.graphs import models_within
from keras_classics.initializers import FanInUniform, Initializer
from keras_classics.layers import (
    CoveringConv2D,
    MapConv2D,
    PairwiseScores,
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

# LeNet-4's maps of S2 that each map of C3 reads; maps 2m and 2m + 1 are the pair of C1's map m.
LENET4_C3_CONNECTIONS = [
    sorted((i + step) % 8 for step in steps) for steps in ((0, 2, 4), (0, 2, 5)) for i in range(8)
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


@arguments(model=MODEL)
def swept(model: keras.Model) -> keras.Model:
    """The network at every place of a larger image: a space displacement network (section VII).

    The convolutions and the subsampling run over the whole image once. C5 has a column of 120
    units for each window of 32x32, 4 pixels from the next, and the layers after it are
    applied to each column. The outputs are those of the network on each window alone. What
    lies beyond the last whole step is not read. The weights are a copy.

    The paper reads a line of digits so: an image 32 pixels high.

    Args:
        model: A trained `LeNet5` or `LeNet4` with its top, for images of 32x32.

    Returns:
        A functional `keras.Model` for images of any size from 32x32 on. Its output has the shape
        `(batch, rows, columns, classes)`: an image of 32x48 has a row of 5 columns.

    Raises:
        ValueError: If `model` is another network, or one for larger images.

    Example:

    ```python
    import numpy as np
    from keras_classics.applications import LeNet5
    from keras_classics.applications.lenet5 import swept

    reader = swept(LeNet5())
    reader(np.zeros((1, 32, 48, 1), "float32")).shape  # (1, 1, 5, 10)
    ```
    """
    chain = {layer.name: layer for layer in model.layers}
    if not {"C1", "S4", "C5", "flatten"} <= set(chain) or chain["C5"].output.shape[1:3] != (1, 1):
        raise ValueError(
            "`model` must be a LeNet5 or a LeNet4 with its top, for images of 32x32."
            f"{models_within(model)} Received: {model.name!r} for images of {model.input_shape[1:]}"
        )
    x = image = keras.Input((None, None, model.input_shape[-1]), name="image")
    for layer in model.layers[1:]:
        if layer.name != "flatten":  # a column of C5 is flat
            x = type(layer).from_config(layer.get_config())(x)
    network = keras.Model(image, x, name=f"{model.name}_swept")
    network.set_weights(model.get_weights())
    return network


@arguments()
@pretrained
def LeNet4(
    *,
    kernel_initializer: Initializer = FanInUniform,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (32, 32, 1),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = scaled_tanh,
    name: str | None = None,
) -> keras.Model:
    """LeNet-4 (section III.C): 262,306 connections, 50,698 parameters.

    Args:
        kernel_initializer: Initial kernels (appendix A); each layer draws with a
            copy of its own. Paper: `FanInUniform`.
        include_top: Whether to build the output units.
        weights: `None`, or the path of a weights file of this network.
        input_shape: `(height, width, channels)`, at least 32 high and wide. Paper:
            `(32, 32, 1)`, paper at -0.1 and ink at 1.175.
        pooling: Without the top: `None` (the maps of C5), `"avg"` or `"max"`.
        classes: Number of classes.
        classifier_activation: Activation of the output units. The paper is silent.
        name: Name of the model. Default: `lenet4`.

    Returns:
        A functional `keras.Model` with the layers C1, S2, C3, S4, C5, output.

    Example:

    ```python
    from keras_classics.applications import LeNet4

    model = LeNet4()
    model.get_layer("S2").output  # (None, 14, 14, 8)
    ```
    """
    if min(side or 0 for side in input_shape[:2]) < 32:
        raise ValueError(
            "LeNet-4 needs an image of at least 32x32: pad a 28x28 digit with two rows and "
            f"columns of background on each side. Received: input_shape={input_shape}"
        )

    def start():
        return {"activation": scaled_tanh, "kernel_initializer": fresh(kernel_initializer)}

    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(4, 5, data_format="channels_last", **start(), name="C1")(image)  # 28x28
    x = ScaledSubsampling2D(2, scaled_tanh, depth_multiplier=2, name="S2")(x)  # 14x14
    x = MapConv2D(16, 5, LENET4_C3_CONNECTIONS, **start(), name="C3")(x)  # 10x10
    x = ScaledSubsampling2D(2, activation=scaled_tanh, name="S4")(x)  # 5x5
    x = CoveringConv2D(120, 5, **start(), name="C5")(x)  # 1x1
    if include_top:
        x = layers.Flatten("channels_last", name="flatten")(x)
        x = _output(x, classes, classifier_activation, kernel_initializer)
    else:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name or "lenet4")


HIDDEN = Rule(
    'units joined by "-", such as "300" or "300-100", or "linear"',
    lambda x: isinstance(x, str) and bool(re.fullmatch(r"linear|[1-9]\d*(-[1-9]\d*)*", x)),
)


@arguments(hidden=HIDDEN)
@pretrained
def FullyConnected(
    hidden: str,
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
    """A fully connected network, such as 28x28-300-100-10 of figure 9 (section III.C).

    It is also the network of LeCun et al., 1989, section 5, that the one of 1989 is compared with:
    256-40-10, with 10,690 connections, `FullyConnected("40", input_shape=(16, 16, 1))`.

    Args:
        hidden: Units of the hidden layers, as in the name: `"300"`, `"1000"`, `"300-100"`,
            `"500-150"`, `"1000-150"`; `"linear"` has none.
        kernel_initializer: Initial kernels (appendix A); each layer draws with a
            copy of its own. Paper: `FanInUniform`.
        include_top: Whether to build the output units.
        weights: `None`, or the path of a weights file of this network.
        input_shape: `(height, width, channels)`. Paper: `(28, 28, 1)`, `(20, 20, 1)` for
            deslanted digits; 1989: `(16, 16, 1)`.
        pooling: `None`: there are no maps.
        classes: Number of classes.
        classifier_activation: Activation of the output units. The linear classifier's is `None`;
            of the others the paper is silent.
        name: Name of the model. Default: `mlp_` and the units, or `linear`.

    Returns:
        A functional `keras.Model` with the layers H1, H2 and output.

    Example:

    ```python
    from keras_classics.applications import FullyConnected

    model = FullyConnected("300-100")
    linear = FullyConnected("linear", classifier_activation=None)
    ```
    """
    _refuse(input_shape, pooling)
    image = keras.Input(input_shape, name="image")
    x = layers.Flatten("channels_last", name="flatten")(image)
    for i, units in enumerate(re.findall(r"\d+", hidden), start=1):
        start = fresh(kernel_initializer)
        x = layers.Dense(
            int(units), activation=scaled_tanh, kernel_initializer=start, name=f"H{i}"
        )(x)
    if include_top:
        x = _output(x, classes, classifier_activation, kernel_initializer)
    usual = hidden if hidden == "linear" else f"mlp_{hidden.replace('-', '_')}"
    return keras.Model(image, x, name=name or usual)


@keras.saving.register_keras_serializable(package="keras_classics")
class PairwiseNetwork(keras.Model):
    """A network of units for pairs of classes, each of which learns of its two classes alone.

    With `t` the targets, +1 for the class and -1 for the others, unit `i/j` has the target
    `d = (t_i - t_j) / 2`, and the error of a pattern of `n` classes is

        E = 1/n sum_ij d^2 (a_ij - d)^2

    It takes the place of the loss that this network is compiled with. Weights of patterns count as
    in Keras. A network that this one is a part of has a loss of its own.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        units = self.get_layer("units")(self.get_layer("flatten")(x))
        scores = self.get_layer("output")
        if y.shape[1:] != (scores.classes,):
            raise ValueError(
                f"The targets must be (batch, {scores.classes}), +1 for the class and -1 for the "
                f"others. Received: shape {tuple(y.shape)}"
            )
        wanted = scores.targets(keras.ops.cast(y, units.dtype))
        errors = keras.ops.square(wanted) * keras.ops.square(units - wanted)
        errors = keras.ops.sum(errors, axis=-1) / scores.classes  # of each pattern
        if sample_weight is not None:
            weight = keras.ops.cast(keras.ops.convert_to_tensor(sample_weight), errors.dtype)
            errors = errors * keras.ops.reshape(weight, (-1,))
        return keras.ops.mean(errors) + sum(self.losses)


@arguments(classes=whole(2))
@pretrained
def PairwiseLinear(
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
    """The pairwise linear classifier: a unit for each two of the classes (section III.C.1).

    Unit `i/j` is trained to be +1 for class `i` and -1 for class `j`, and not by others; the score
    of a class is the sum of what its units say for it. The targets of `fit` are +1 for the class
    and -1 for the others.

    Args:
        kernel_initializer: Initial kernels (appendix A). Paper: `FanInUniform`.
        include_top: Whether to build the units and the scores.
        weights: `None`, or the path of a weights file of this network.
        input_shape: `(height, width, channels)`. Paper: `(28, 28, 1)`, by the number of its
            variables.
        pooling: `None`: there are no maps.
        classes: Number of classes, two or more.
        classifier_activation: Activation of the units. The paper is silent.
        name: Name of the model. Default: `pairwise_linear`.

    Returns:
        A functional `keras.Model` with the layers units and output.

    Example:

    ```python
    from keras_classics.applications import PairwiseLinear

    model = PairwiseLinear()
    model.get_layer("units").output  # (None, 45)
    ```
    """
    _refuse(input_shape, pooling)
    image = keras.Input(input_shape, name="image")
    x = layers.Flatten("channels_last", name="flatten")(image)
    if not include_top:
        return keras.Model(image, x, name=name or "pairwise_linear")
    x = layers.Dense(
        classes * (classes - 1) // 2,
        activation=classifier_activation,
        kernel_initializer=fresh(kernel_initializer),
        name="units",
    )(x)
    x = PairwiseScores(classes, dtype="float32", name="output")(x)
    return PairwiseNetwork(image, x, name=name or "pairwise_linear")


def _refuse(input_shape, pooling):
    """Refuses what a fully connected network cannot be built for."""
    if None in input_shape[:2]:
        raise ValueError(
            "A fully connected network needs an image of known size. "
            f"Received: input_shape={input_shape}"
        )
    if pooling is not None:
        raise ValueError(
            "`pooling` must be None: a fully connected network has no maps to pool. "
            f"Received: pooling={pooling!r}"
        )


def _output(x, classes, activation, kernel_initializer):
    """Ten units, of which that of the class is to be +1, and the others -1."""
    return layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=fresh(kernel_initializer),
        dtype="float32",
        name="output",
    )(x)
