"""ResNet: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition",
CVPR 2016 (arXiv:1512.03385).

Follows Table 1 and figures 3 and 5 (ImageNet), section 3.3 (shortcuts A, B and C, plain
networks), section 3.4 (batch normalization between each convolution and its ReLU) and
section 4.2 (CIFAR-10). Weights start as in its reference [13], He et al., ICCV 2015,
section 2.2: normal, of variance 2 / (inputs of a unit).

Departures: none.

The paper is silent on
- padding: here the same zeros on all sides, as in the networks of PyTorch and Keras. The
  authors' release aligns the windows of pool1 with the first pixel, as Caffe does
  (`convention`);
- the place where a bottleneck halves its maps: here the first 1x1 convolution, as in the
  authors' release (`stride_in`);
- the constants of batch normalization: see `keras_classics.layers.BatchNormalization`;
- biases of the convolutions: here none, since the normalization would subtract them.
"""

import os

import keras
from keras import layers

from keras_classics.activations import Activation
from keras_classics.applications.builder import fresh, pool, pretrained
from keras_classics.applications.typed import typed
from keras_classics.checks import Rule, arguments, one_of, whole
from keras_classics.graphs import deep_recursion
from keras_classics.layers import BatchNormalization, IdentityShortcut2D, SymmetricConv2D

# Table 1: the building block (figure 5), and how many of it in conv2_x, ..., conv5_x.
BLOCKS = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
WIDTHS = (64, 128, 256, 512)  # of the 3x3 convolutions
CIFAR_WIDTHS = (16, 32, 64)  # section 4.2
CIFAR_DEPTH = Rule(
    "a whole number 6n + 2, at least 8: 3 stages of 2n convolutions, the first convolution and the "
    "output; 20, 32, 44, 56, 110 or so",
    lambda depth: whole(8).holds(depth) and depth % 6 == 2,
)
HE = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


@arguments(depth=one_of(*BLOCKS), shortcut=one_of("A", "B", "C"), stride_in=one_of("1x1", "3x3"))
@pretrained
def ResNet(
    depth: int,
    *,
    shortcut: str = "B",
    stride_in: str = "1x1",
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
    convention: str = "paper",
) -> keras.Model:
    """A residual network of Table 1.

    Args:
        depth: 18, 34, 50, 101 or 152 layers with weights.
        shortcut: Section 3.3: `"A"`, identity, with zeros for additional maps; `"B"`,
            a projection where the maps change, otherwise identity; `"C"`, projections.
            Paper: A in Table 2 and figure 4, all in Table 3, B from 50 layers on.
        stride_in: The convolution of a bottleneck that halves the maps, on which the paper is
            silent: `"1x1"`, the first one, as in the authors' release; or `"3x3"`, which later
            libraries call version 1.5. A network refuses the weights of the other form.
            Networks of basic blocks are the same with either.
        include_top: Whether to build the average pooling and the output.
        weights: `None`, the name of a release or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`; `None` for a side of any length. Paper:
            `(224, 224, 3)`, RGB less the mean of each pixel over the training set.
        pooling: Without the top: `None` (the maps of conv5_x), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 1000.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `resnet50` and so on.
        convention: No part of the paper. `"caffe"` pads pool1 after its maps only, as the
            weights that the authors released need it; `"paper"` pads all sides alike.

    Returns:
        A functional `keras.Model` with the layers conv1, pool1, the blocks conv2_1,
        conv2_2, ..., each stage's end as conv2_x, ..., conv5_x, then avg_pool and
        predictions. Within a block: conv2_1_conv1, conv2_1_conv1_bn, conv2_1_conv1_relu,
        ..., conv2_1_shortcut, conv2_1_add.

    Example:

    ```python
    from keras_classics.applications import ResNet

    model = ResNet(18, input_shape=(64, 64, 3), classes=10)
    maps = model.get_layer("conv4_x").output  # (None, 4, 4, 256)
    ```
    """
    zeros = (0, 1) if convention == "caffe" else (1, 1)
    kind, counts = BLOCKS[depth]
    name = name or f"resnet{depth}"

    def block(x, width, stride, name):
        if kind == "basic":
            return _basic(x, width, stride, shortcut, name)
        return _bottleneck(x, width, stride, shortcut, stride_in, name)

    image = keras.Input(input_shape, name="image")
    x = _stages(_stem(image, zeros), block, counts, WIDTHS)
    top = (include_top, pooling, classes, classifier_activation)
    return _end(image, x, *top, name)


@arguments(depth=one_of(18, 34))
@pretrained
def PlainNet(
    depth: int,
    *,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A plain network of figure 3: the residual one of 18 or 34 layers without shortcuts.

    Args:
        depth: 18 or 34 layers with weights.
        include_top: As in `ResNet`, like all further arguments.
        weights: `None`, or the path of a weights file of this network.
        input_shape: `(height, width, channels)`; `None` for a side of any length.
        pooling: Without the top: `None` (the maps of conv5_x), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 1000.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `plain18` or `plain34`.

    Returns:
        A functional `keras.Model` with the layers of `ResNet`, but for the shortcuts.

    Example:

    ```python
    from keras_classics.applications import PlainNet

    model = PlainNet(18, input_shape=(64, 64, 3), classes=10)
    ```
    """

    def block(x, width, stride, name):
        return _basic(x, width, stride, None, name)

    image = keras.Input(input_shape, name="image")
    x = _stages(_stem(image), block, BLOCKS[depth][1], WIDTHS)
    top = (include_top, pooling, classes, classifier_activation)
    return _end(image, x, *top, name or f"plain{depth}")


@arguments(depth=CIFAR_DEPTH, shortcut=one_of("A", "B", "C"))
@pretrained
def ResNetCIFAR(
    depth: int,
    *,
    shortcut: str = "A",
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (32, 32, 3),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A residual network for CIFAR-10 (section 4.2), its shortcuts without parameters.

    Args:
        depth: 6n + 2 layers with weights. Paper: 20, 32, 44, 56, 110 and 1202.
        shortcut: As in `ResNet` (section 3.3). Paper: `"A"` in all networks for CIFAR-10. Popular
            collections have `"B"`.
        include_top: Whether to build the average pooling and the output.
        weights: `None`, the name of a release or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`; `None` for a side of any length. Paper:
            `(32, 32, 3)`, RGB less the mean of each pixel over the training set.
        pooling: Without the top: `None` (the maps of conv4_x), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 10.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `resnet20_cifar` and so on.

    Returns:
        A functional `keras.Model` with the layers conv1, then the blocks and stages
        conv2_1, ..., conv2_x, ..., conv4_x as in `ResNet`, avg_pool and predictions.

    From about 270 layers on, Keras needs more than Python's usual limit of recursion to build,
    clone or load a network. This function raises the limit while it builds. For the rest, such
    as `keras.saving.load_model`, use `keras_classics.graphs.deep_recursion`.

    Example:

    ```python
    from keras_classics.applications import ResNetCIFAR

    model = ResNetCIFAR(20)
    ```
    """
    top = (include_top, pooling, classes, classifier_activation)
    return _cifar(depth, shortcut, input_shape, *top, name or f"resnet{depth}_cifar")


@arguments(depth=CIFAR_DEPTH)
@pretrained
def PlainNetCIFAR(
    depth: int,
    *,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, ...] = (32, 32, 3),
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Activation = "softmax",
    name: str | None = None,
) -> keras.Model:
    """A plain network for CIFAR-10 (section 4.2): `ResNetCIFAR` without shortcuts.

    Args:
        depth: 6n + 2 layers with weights. Paper: 20, 32, 44, 56 (and 110).
        include_top: As in `ResNetCIFAR`, like all further arguments.
        weights: `None`, the name of a release, `"cifar10"`, or the path of a weights file:
            `keras_classics.weights`.
        input_shape: `(height, width, channels)`; `None` for a side of any length.
        pooling: Without the top: `None` (the maps of conv4_x), `"avg"` or `"max"`.
        classes: Number of classes. Paper: 10.
        classifier_activation: Activation of the output; `None` gives the scores.
        name: Name of the model. Default: `plain20_cifar` and so on.

    Returns:
        A functional `keras.Model` with the layers of `ResNetCIFAR`, but for the shortcuts.

    Example:

    ```python
    from keras_classics.applications import PlainNetCIFAR

    model = PlainNetCIFAR(20)
    ```
    """
    top = (include_top, pooling, classes, classifier_activation)
    return _cifar(depth, None, input_shape, *top, name or f"plain{depth}_cifar")


def _cifar(depth, shortcut, input_shape, *rest):
    n = depth // 6

    def block(x, width, stride, name):
        return _basic(x, width, stride, shortcut, name)

    image = keras.Input(input_shape, name="image")
    x = _relu(_convolution(image, CIFAR_WIDTHS[0], 3, 1, "conv1"), "conv1_relu")
    x = _stages(x, block, [n] * 3, CIFAR_WIDTHS)
    with deep_recursion(depth):
        return _end(image, x, *rest)


def _stem(image, zeros=(1, 1)):
    """conv1 and the pooling of conv2_x (Table 1), with zeros before and after its maps."""
    x = _relu(_convolution(image, 64, 7, 2, "conv1"), "conv1_relu")
    x = layers.ZeroPadding2D((zeros, zeros), data_format="channels_last", name="pool1_pad")(x)
    return layers.MaxPooling2D(3, 2, data_format="channels_last", name="pool1")(x)


def _stages(x, block, counts, widths):
    """conv2_x, conv3_x, ...: all but the first halve the maps in their first block."""
    for stage, (count, width) in enumerate(zip(counts, widths, strict=True), start=2):
        for i in range(1, count + 1):
            x = block(x, width, 2 if i == 1 and stage > 2 else 1, f"conv{stage}_{i}")
        x = layers.Identity(name=f"conv{stage}_x")(x)
    return x


def _basic(x, width, stride, shortcut, name):
    """Figure 5, left: two convolutions of 3x3."""
    y = _convolution(x, width, 3, stride, f"{name}_conv1")
    y = _relu(y, f"{name}_conv1_relu")
    y = _convolution(y, width, 3, 1, f"{name}_conv2")
    return _relu(_add_shortcut(x, y, stride, shortcut, name), name)


def _bottleneck(x, width, stride, shortcut, stride_in, name):
    """Figure 5, right: 1x1 reduces the maps, 3x3, and 1x1 restores them."""
    first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
    y = _convolution(x, width, 1, first, f"{name}_conv1")
    y = _relu(y, f"{name}_conv1_relu")
    y = _convolution(y, width, 3, second, f"{name}_conv2")
    y = _relu(y, f"{name}_conv2_relu")
    y = _convolution(y, 4 * width, 1, 1, f"{name}_conv3")
    return _relu(_add_shortcut(x, y, stride, shortcut, name), name)


def _add_shortcut(x, y, stride, shortcut, name):
    """y = F(x) + x (equation 1) or y = F(x) + W_s x (equation 2); without, y = F(x)."""
    if shortcut is None:
        return y
    filters = y.shape[-1]
    changes = stride != 1 or x.shape[-1] != filters
    if shortcut == "C" or (shortcut == "B" and changes):
        x = _convolution(x, filters, 1, stride, f"{name}_shortcut")
    elif changes:
        x = IdentityShortcut2D(filters, stride, name=f"{name}_shortcut")(x)
    return layers.Add(name=f"{name}_add")([y, x])


def _convolution(x, filters, size, stride, name):
    """A convolution and its batch normalization (section 3.4)."""
    x = SymmetricConv2D(filters, size, stride, kernel_initializer=fresh(HE), name=name)(x)
    return BatchNormalization(name=f"{name}_bn")(x)


def _relu(x, name):
    return layers.Activation("relu", name=name)(x)


def _end(image, x, include_top, pooling, classes, classifier_activation, name):
    if include_top:
        x = layers.GlobalAveragePooling2D("channels_last", name="avg_pool")(x)
        x = layers.Dense(
            classes,
            activation=classifier_activation,
            kernel_initializer=fresh(HE),
            dtype="float32",
            name="predictions",
        )(x)
    else:
        x = pool(x, pooling)
    return keras.Model(image, x, name=name)


ResNet18 = typed(ResNet, 18)
ResNet34 = typed(ResNet, 34)
ResNet50 = typed(ResNet, 50)
ResNet101 = typed(ResNet, 101)
ResNet152 = typed(ResNet, 152)
