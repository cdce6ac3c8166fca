"""Which pixels of an image speak for a class: six methods, each by its paper's equation.

Keras 3 has no gradients of its own: `backend.gradient` takes those of TensorFlow, JAX or PyTorch.
"""

import difflib
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_classics import backend, graphs
from keras_classics.analysis.attention import find, has_class_token
from keras_classics.checks import (
    BOOL,
    COUNT,
    NUMBER,
    SIDES,
    TEXT,
    Rule,
    arguments,
    as_array,
    optional,
)
from keras_classics.layers import PatchEmbedding, TransformerEncoderBlock

OUTPUT = "predictions"  # the name of the output that counts, of several
CLASSES = Rule(
    "None, the number of a class or its name, or a number for each image",
    lambda x: x is None or isinstance(x, str) or np.issubdtype(as_array(x).dtype, np.integer),
)
Classes = int | str | Sequence[int] | np.ndarray | None


@arguments(classes=CLASSES, layer=optional(TEXT), batch_size=COUNT)
def grad_cam(
    model: keras.Model,
    images: Any,
    classes: Classes = None,
    layer: str | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """Computes where the feature maps of a layer speak for a class: Grad-CAM.

    With `A^k` the maps of the layer, `y` the score of the class before the softmax, and the mean
    over all positions,

        L = ReLU(sum_k a_k A^k),    a_k = mean_ij dy / dA^k_ij      (equations 1 and 2)

    Of a Transformer, the tokens of the patches are the positions, in their rows and columns; the
    paper has convolutions only.

    Args:
        model: A network, or a `Classifier`. Models within it are looked through.
        images: Inputs of the network, `(n, height, width, channels)`; of a `Classifier` whatever
            its `predict` takes.
        classes: The class, a number, or one for each image; of a `Classifier` also its name.
            Default: the class with the largest score, of each image.
        layer: Name of the layer. Default: the end of the last stage of convolutions, before its
            pooling; of a Transformer the block before the last, for behind the last block the
            output may read the class token alone.
        batch_size: Images that are computed at once.

    Returns:
        A float32 array `(n, rows, columns)` of the layer's rows and columns, not negative, in units
        of the score.

    Raises:
        ValueError: If Keras does not know the layers of `model`, it has no such layer or class, or
            the layer has no maps or is applied more than once.
        RuntimeError: If the backend has no gradients.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("resnet20_cifar")
    maps = kc.analysis.grad_cam(model, np.random.normal(size=(2, 32, 32, 3)), classes=3)
    print(maps.shape)  # (2, 8, 8)
    ```

    Reference: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization", ICCV 2017, section 3.
    """

    def of_batch(maps, gradients):  # (n, rows, columns, channels), both
        weights = ops.mean(gradients, axis=(1, 2), keepdims=True)
        return ops.relu(ops.sum(weights * maps, axis=-1))

    return _of_layer(of_batch, model, images, classes, layer, batch_size)


@arguments(classes=CLASSES, layer=optional(TEXT), batch_size=COUNT)
def grad_cam_plus_plus(
    model: keras.Model,
    images: Any,
    classes: Classes = None,
    layer: str | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """Computes where the feature maps of a layer speak for a class: Grad-CAM++.

    It sees several objects of a class where `grad_cam` sees the largest. With `g^k = dy / dA^k`,

        L = ReLU(sum_k w_k A^k),    w_k = sum_ij alpha^k_ij ReLU(g^k_ij)
        alpha^k_ij = 1 / (2 + g^k_ij sum_ab A^k_ab)  where g^k_ij > 0

    which is equation 19 divided by `(g^k_ij)^2`. The paper's class score is `exp(y)`; its further
    factor `exp(y)` is the same for a whole image and is left out.

    Args:
        model: As of `grad_cam`.
        images: Likewise.
        classes: Likewise.
        layer: Likewise.
        batch_size: Likewise.

    Returns:
        A float32 array `(n, rows, columns)` of the layer's rows and columns, not negative. Its
        unit is another for each image.

    Raises:
        ValueError: As of `grad_cam`.
        RuntimeError: If the backend has no gradients.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("resnet20_cifar")
    maps = kc.analysis.grad_cam_plus_plus(model, np.random.normal(size=(2, 32, 32, 3)))
    print(maps.shape)  # (2, 8, 8)
    ```

    Reference: Chattopadhay, Sarkar, Howlader & Balasubramanian, "Grad-CAM++: Generalized
    Gradient-Based Visual Explanations for Deep Convolutional Networks", WACV 2018, section 3.
    """

    def of_batch(maps, gradients):  # (n, rows, columns, channels), both
        rising = ops.relu(gradients)
        shares = 2 + rising * ops.sum(maps, axis=(1, 2), keepdims=True)
        shares = ops.where(shares == 0, 1.0, shares)  # maps may be negative
        weights = ops.sum(rising / shares, axis=(1, 2), keepdims=True)
        return ops.relu(ops.sum(weights * maps, axis=-1))

    return _of_layer(of_batch, model, images, classes, layer, batch_size)


@arguments(classes=CLASSES, batch_size=COUNT)
def saliency(
    model: keras.Model, images: Any, classes: Classes = None, batch_size: int = 16
) -> np.ndarray:
    """Computes how much each pixel changes the score of a class.

    With `y` the score before the softmax and `x` the input of the network,

        M_ij = max_c |dy / dx_ijc|

    Args:
        model: A network, or a `Classifier`.
        images: As of `grad_cam`.
        classes: Likewise.
        batch_size: Likewise.

    Returns:
        A float32 array `(n, height, width)`.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or it has no such class.
        RuntimeError: If the backend has no gradients.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.applications.LeNet5(weights="mnist")
    print(kc.analysis.saliency(model, np.full((1, 32, 32, 1), -0.1)).shape)  # (1, 32, 32)
    ```

    Reference: Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks: Visualising
    Image Classification Models and Saliency Maps", ICLR 2014 workshop, section 3.
    """
    network, images, classes = _asked(model, images, classes)
    return _batches(
        lambda x, k: ops.max(ops.abs(_gradient(network, x, k)), axis=-1),
        batch_size,
        images,
        classes,
    )


@arguments(classes=CLASSES, batch_size=COUNT)
def guided_backpropagation(
    model: keras.Model, images: Any, classes: Classes = None, batch_size: int = 16
) -> np.ndarray:
    """Computes what in an image excites the score of a class, of a network of ReLUs.

    It is the gradient of the score before the softmax with respect to the input, but a ReLU
    `f = max(x, 0)` passes on only what is positive, both of its input and of the gradient `R`:

        R_x = (x > 0) (R_f > 0) R_f

    ReLUs are found as layers, as operations of `keras.ops`, and as the activation of a layer.
    Those inside of other layers are not.

    Args:
        model: A network, or a `Classifier`.
        images: As of `grad_cam`.
        classes: Likewise.
        batch_size: Likewise.

    Returns:
        A float32 array `(n, height, width, channels)`.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or it has no ReLU or no such
            class.
        RuntimeError: If the backend has no gradients.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("resnet20_cifar")
    image = np.random.normal(size=(1, 32, 32, 3))
    print(kc.analysis.guided_backpropagation(model, image).shape)  # (1, 32, 32, 3)
    ```

    Reference: Springenberg, Dosovitskiy, Brox & Riedmiller, "Striving for Simplicity: The All
    Convolutional Net", ICLR 2015 workshop, section 3.4.
    """
    network, images, classes = _asked(model, images, classes)
    if not any(_is(layer, "relu") for layer in graphs.operations(network.outputs)):
        raise ValueError(
            "Guided backpropagation is defined for networks of ReLUs, and `model` must have one; "
            "`saliency` takes any network. "
            f"Received: {network.name!r} with the layers {_names(network)}"
        )
    return _batches(lambda x, k: _gradient(network, x, k, _guided), batch_size, images, classes)


@arguments(classes=CLASSES, baseline=NUMBER, steps=COUNT, probability=BOOL, batch_size=COUNT)
def integrated_gradients(
    model: keras.Model,
    images: Any,
    classes: Classes = None,
    baseline: float = 0.0,
    steps: int = 50,
    probability: bool = True,
    batch_size: int = 16,
) -> np.ndarray:
    """Computes the share of each value of the input in the score of a class.

    With `x'` the baseline and `F` the probability of the class,

        IG_i = (x_i - x'_i) integral_0^1 dF(x' + a (x - x')) / dx_i da

    Their sum is `F(x) - F(x')`. The integral is a sum over the points of Gauss and Legendre, which
    needs fewer `steps` than the paper's, at equal distances.

    Args:
        model: A network, or a `Classifier`.
        images: As of `grad_cam`.
        classes: Likewise.
        baseline: Value of all pixels of `x'`, as the network sees them. Paper: a black image. Of
            images less their mean, 0 is the mean.
        steps: Points of the integral. Paper: 20 to 300.
        probability: Whether `F` is the output of the network; otherwise the score before its
            softmax.
        batch_size: Images and points that are computed at once.

    Returns:
        A float32 array `(n, height, width, channels)`.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or it has no such class.
        RuntimeError: If the backend has no gradients.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("resnet20_cifar")
    image = np.random.normal(size=(1, 32, 32, 3))
    shares = kc.analysis.integrated_gradients(model, image, classes=3)
    print(shares.sum())  # the probability of class 3, less that of an image of zeros
    ```

    Reference: Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017,
    section 3.
    """
    network, images, wanted = _asked(model, images, classes)
    points, weights = np.polynomial.legendre.leggauss(steps)
    points, weights = (points + 1) / 2, weights / 2  # from 0 to 1
    if wanted is None:  # those of the images, not of the points on the way
        wanted = _predicted(network, images, batch_size)

    def of_image(image, k):
        way = baseline + points.reshape(-1, 1, 1, 1) * (image - baseline)
        found = _batches(
            lambda x, k: _gradient(network, x, k, probability=probability),
            batch_size,
            way.astype("float32"),
            np.full(steps, k),
        )
        return (image - baseline) * np.tensordot(weights, found, axes=1)

    found = [of_image(image, k) for image, k in zip(images, wanted, strict=True)]
    return np.array(found, "float32").reshape(images.shape)


@arguments(
    classes=CLASSES,
    window=SIDES,
    strides=optional(SIDES),
    value=NUMBER,
    probability=BOOL,
    batch_size=COUNT,
)
def occlusion(
    model: keras.Model,
    images: Any,
    classes: Classes = None,
    window: int | tuple[int, int] = 8,
    strides: int | tuple[int, int] | None = None,
    value: float = 0.0,
    probability: bool = True,
    batch_size: int = 16,
) -> np.ndarray:
    """Computes how much the score of a class falls where a square covers the image.

        D_rc = F(x) - F(x with the square at row r and column c)

    with `F` the probability of the class. The paper shows `F` with the square.

    Args:
        model: A network, or a `Classifier`.
        images: As of `grad_cam`.
        classes: Likewise.
        window: Side of the square, or `(height, width)`, pixels of the network's input.
        strides: Pixels from one place of the square to the next. Default: half of the window,
            rounded up. The last row and column end with the image.
        value: Value of the square, as the network sees it. Paper: grey. Of images less their mean,
            0 is the mean.
        probability: Whether `F` is the output of the network; otherwise the score before its
            softmax.
        batch_size: Images that are computed at once.

    Returns:
        A float32 array `(n, rows, columns)`, one value for each place of the square.

    Raises:
        ValueError: If Keras does not know the layers of `model`, it has no such class, or the
            window is larger than the image.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("resnet20_cifar")
    falls = kc.analysis.occlusion(model, np.random.normal(size=(1, 32, 32, 3)), window=16)
    print(falls.shape)  # (1, 3, 3)
    ```

    Reference: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
    section 4.2.
    """
    network, images, wanted = _asked(model, images, classes)
    sides = _pair(window)
    steps = tuple(-(-side // 2) for side in sides) if strides is None else _pair(strides)
    shape = images.shape[1:3]
    if any(side > length for side, length in zip(sides, shape, strict=True)):
        raise ValueError(
            "`window` must be no larger than the network's input. "
            f"Received: window={window} for images of shape {shape}"
        )
    if wanted is None:
        wanted = _predicted(network, images, batch_size)
    rows, columns = (
        [*range(0, length - side, step), length - side]
        for length, side, step in zip(shape, sides, steps, strict=True)
    )
    places = list(itertools.product(rows, columns))

    def covered(image, places):
        """A batch of copies, not all at once: of large images there are thousands of places."""
        copies = np.repeat(image[None], len(places), axis=0)
        for copy, (row, column) in zip(copies, places, strict=True):
            copy[row : row + sides[0], column : column + sides[1]] = value
        return copies

    def scores_of(x):
        return ops.convert_to_numpy(_scores(network, x, probability=probability))

    found = []
    for image, k in zip(images, wanted, strict=True):
        parts = (places[i : i + batch_size] for i in range(0, len(places), batch_size))
        less = np.concatenate([scores_of(covered(image, part)) for part in parts])[:, k]
        found.append(scores_of(image[None])[0, k] - less)
    return np.array(found, "float32").reshape(len(images), len(rows), len(columns))


def _asked(model, images, classes):
    """The network, its inputs and the classes, each checked."""
    graphs.check_connected(model)
    network = model
    if hasattr(model, "with_network"):  # a classifier, whose room is above this one
        network, images = model.network, model.prepare(images)
        if isinstance(classes, str):
            (classes,) = model.positions([classes])
    if isinstance(classes, str):
        raise ValueError(
            f"A network has numbers of classes; a `Classifier` has names. Received: {classes=}"
        )
    images = np.asarray(images, "float32")
    shape = network.inputs[0].shape
    if images.ndim != len(shape) or any(
        n not in (None, m) for n, m in zip(shape[1:], images.shape[1:], strict=True)
    ):
        raise ValueError(
            f"`images` must be inputs of {network.name!r}, of shape {shape}. "
            f"Received: shape {images.shape}"
        )
    output = _output(network)
    if len(output.shape) != 2:
        raise ValueError(
            "`model` must have an output of scores, (batch, classes). "
            f"Received: {network.name!r} with an output of shape {output.shape}"
        )
    if classes is not None:
        count = output.shape[1]
        given = np.asarray(classes)
        if given.shape not in ((), images.shape[:1]) or np.any((given < 0) | (given >= count)):
            raise ValueError(
                f"`classes` must be a whole number from 0 to {count - 1}, or one for each of the "
                f"{len(images)} images. Received: classes={classes}"
            )
        classes = np.broadcast_to(given, len(images))
    return network, images, classes


def _output(model):
    """The output that counts."""
    return _counting(model.outputs if isinstance(model, keras.Sequential) else model.output)


def _counting(outputs):
    """Of the outputs of a model the one that counts."""
    if isinstance(outputs, dict):
        return outputs.get(OUTPUT, next(iter(outputs.values())))
    return keras.tree.flatten(outputs)[0]


def _batches(function, batch_size, *arrays):
    """The values of a function of tensors, batch by batch, as one array; arrays may be `None`."""
    found = []
    for start in range(0, max(1, len(arrays[0])), batch_size):
        parts = (None if x is None else x[start : start + batch_size] for x in arrays)
        found.append(ops.convert_to_numpy(function(*parts)))
    return np.concatenate(found).astype("float32")


def _scores(network, images, instead=lambda layer: layer, probability=False):
    """The outputs of a network, or the scores before their softmax, float32 `(n, classes)`."""
    last = graphs.maker(_output(network))
    while isinstance(last, graphs.GRAPHS):
        last = graphs.maker(_output(last))

    def asked(layer):
        if probability or layer is not last or not _is(layer, "softmax"):
            return instead(layer)
        return _with(layer, keras.activations.linear)

    return ops.cast(_counting(graphs.run(network, images, asked)), "float32")


def _of_classes(scores, classes):
    """The sum over the images of the scores of their classes, by default the largest."""
    if classes is None:
        classes = ops.argmax(scores, axis=-1)
    return ops.sum(scores * ops.one_hot(classes, scores.shape[-1], dtype="float32"))


def _predicted(network, images, batch_size):
    """The class of the largest score of each image."""
    return _batches(lambda x: _scores(network, x), batch_size, images).argmax(axis=-1)


def _gradient(network, images, classes, instead=lambda layer: layer, probability=False):
    """The gradient of the classes' scores with respect to the images."""

    def score(tensors):
        return _of_classes(_scores(network, tensors[0], instead, probability), classes)

    (gradient,) = backend.gradient(score, [images])
    return gradient


def _of_layer(function, model, images, classes, name, batch_size):
    """The values of a function of a layer's maps and the gradients of the scores by them."""
    network, images, classes = _asked(model, images, classes)
    layer = _layer(network, name)
    grid = find(network, PatchEmbedding).grid if len(layer.output.shape) == 3 else None

    def score(tensors, images, classes):
        """The score with something added to the maps: its gradient by it is that by the maps."""
        found = []

        def added(*args, **kwargs):
            maps = layer(*args, **kwargs)
            found.append(ops.cast(maps, "float32"))
            return maps + ops.cast(tensors[0], maps.dtype)

        asked = _scores(network, images, lambda each: added if each is layer else each)
        return _of_classes(asked, classes), found[0]

    def of_batch(x, k):
        shape = (len(x), *layer.output.shape[1:])
        if None in shape:  # known once it is computed
            shape = score([np.float32(0)], x, k)[1].shape
        (gradient,), maps = backend.gradient(
            lambda tensors: score(tensors, x, k), [np.zeros(shape, "float32")], has_aux=True
        )
        if grid is not None:
            skipped = int(has_class_token(maps.shape[1], grid))
            maps, gradient = (
                ops.reshape(tokens[:, skipped:], (len(x), *grid, -1)) for tokens in (maps, gradient)
            )
        return function(maps, gradient)

    return _batches(of_batch, batch_size, images, classes)


def _layer(network, name):
    """The layer of a name, or the one whose maps are the last before they are pooled."""
    there = graphs.operations([_output(network)])
    if name is not None:
        named = [layer for layer in there if layer.name == name]
        if not named:
            near = difflib.get_close_matches(name, [layer.name for layer in there], 5, 0.4)
            raise ValueError(
                f"The model has no layer of this name; near ones: {', '.join(near) or 'none'}. "
                f"Received: layer={name!r}"
            )
    elif blocks := [layer for layer in there if isinstance(layer, TransformerEncoderBlock)]:
        named = blocks[-2:][:1]
    else:
        maps = [layer for layer in there if _has_maps(layer) and len(layer.output.shape) == 4]
        sides = [layer.output.shape[1:3] for layer in maps if hasattr(layer, "kernel")]
        if not sides:
            raise ValueError(
                "`model` must have a convolution; of another layer with maps give its name, "
                f"`layer`. Received: {network.name!r} with the layers {_names(network)}"
            )
        named = [layer for layer in maps if layer.output.shape[1:3] == sides[-1]][-1:]
    layer = named[0]
    if sum(each is layer for each in there) > 1:
        raise ValueError(
            "The layer must be applied once: the maps of one that is applied again are not one "
            f"set. Received: {layer.name!r}"
        )
    if not _has_maps(layer):
        raise ValueError(
            "The layer must have maps, (batch, rows, columns, channels), or tokens, (batch, "
            f"tokens, width). Received: {layer.name!r} with the output {layer.output!r}"
        )
    return layer


def _has_maps(layer):
    """Whether the output of a layer has positions."""
    shape = getattr(layer.output, "shape", ())
    return len(shape) in (3, 4) and shape[1:-1] not in ((1,), (1, 1))


def _is(layer, name):
    """Whether a layer, or an operation of `keras.ops`, is an activation or ends with one."""
    function = getattr(keras.activations, name)
    if name == "relu" and isinstance(layer, layers.ReLU):
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    if name == "softmax" and isinstance(layer, layers.Softmax):
        return layer.axis in (-1, 1)
    return isinstance(layer, _operation(name)) or getattr(layer, "activation", None) is function


@functools.cache
def _operation(name):
    """The class of an operation of `keras.ops`."""
    return type(graphs.maker(getattr(ops, name)(keras.KerasTensor((1, 2)))))


def _with(layer, function):
    """A layer with another activation; a layer that is one, or an operation, is replaced by it."""
    if getattr(layer, "activation", None) is None or isinstance(layer, layers.Activation):
        return lambda x, **_: function(x)
    twin = object.__new__(type(layer))  # `copy.copy` would save and load the layer
    vars(twin).update(vars(layer), activation=function)
    return twin


def _guided(layer):
    return _with(layer, _guided_relu) if _is(layer, "relu") else layer


@ops.custom_gradient
def _guided_relu(x):
    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return ops.relu(upstream) * ops.cast(x > 0, upstream.dtype)

    return ops.relu(x), gradient


def _pair(sides):
    return (sides, sides) if isinstance(sides, int) else tuple(sides)


def _names(network):
    return ", ".join(layer.name for layer in network.layers)
