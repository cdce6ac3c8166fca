"""Pictures of a trained network: how it learned, what it sees, what it misreads."""

import os
import pathlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from keras_classics import graphs
from keras_classics.analysis import attention_pictures
from keras_classics.analysis.attention import layers_of
from keras_classics.analysis.page import (
    DPI,
    GREY,
    INK,
    PALE,
    colour_bar,
    new_page,
    panel,
    resize,
    save,
    show,
    style,
    write,
)
from keras_classics.checks import MODEL, NAMES, PATH, Rule, arguments
from keras_classics.layers import PatchEmbedding
from keras_classics.layers.rbf_output import CODE_SHAPE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTPUTS = ("scores", "predictions", "output")


def learning_curves(history, held="validation"):
    """Draws the errors after each epoch, as figure 5 of LeCun et al., 1998.

    Keras counts the training errors during the epoch, while the weights still move.

    Args:
        history: Columns of equal length, as in `Run.history` or `fit(...).history`:
            an accuracy and its `val_` twin.
        held: What the images of the twin are: `"validation"` or `"test"`.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    errors = learned(history, held)
    page = new_page(5.2)
    axes = panel(page, 0.7, 0.6, 7.5, 3.9)
    upper = max(errors, key=lambda label: errors[label][-1])
    for (label, curve), colour in zip(errors.items(), (GREY, INK), strict=True):
        epochs = np.arange(1, len(curve) + 1)
        axes.plot(epochs, curve, "o-", color=colour, linewidth=1.8, markersize=4, clip_on=False)
        axes.annotate(
            f"{label} {curve[-1]:.2f}%",
            (epochs[-1], curve[-1]),
            xytext=(10, 0),
            textcoords="offset points",
            va="bottom" if label == upper else "top",
            color=colour,
            fontsize=13,
        )
    axes_of_errors(axes, *extremes(errors.values()))
    return page.figure


def extremes(curves):
    """The least and the largest number of some arrays."""
    values = np.concatenate([*curves])
    return values.min(), values.max()


def learned(history, held):
    """The errors in percent after each epoch, `{"training": (epochs,), held: (epochs,)}`."""
    names = [f"{kind}accuracy" for kind in ("", "sparse_categorical_", "categorical_")]
    names.append("predictions_accuracy")  # GoogLeNet's, beside its auxiliary classifiers
    name = next((name for name in names if history.get(name) and history.get(f"val_{name}")), None)
    if name is None:
        raise ValueError(
            "`history` must have one epoch or more of an accuracy and its val_ twin, such as "
            f"categorical_accuracy and val_categorical_accuracy. Received: history={history}"
        )
    columns = {"training": history[name], held: history[f"val_{name}"]}
    return {part: 100 * (1 - np.array(column, "float64")) for part, column in columns.items()}


def axes_of_errors(axes, low, high):
    """Axes of errors over epochs, logarithmic where the errors are of several magnitudes."""
    if 0 < low < high / 5:
        _logarithmic(axes, low / 1.5, min(1.5 * high, 100))
    else:
        axes.set_ylim(-0.06 * (high or 1), 1.06 * (high or 1))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.set_xlabel("epochs", fontsize=12, color=INK)
    axes.set_title("error, %", fontsize=12, color=INK, loc="left")
    style(axes)


def _logarithmic(axes, bottom, top):
    """A logarithmic vertical scale with ticks at 1, 2, 5, 10, ..."""
    steps = [step * 10.0**power for power in range(-4, 4) for step in (1, 2, 5)]
    axes.set_yscale("log")
    axes.set_yticks([step for step in steps if bottom < step <= top])
    axes.minorticks_off()
    axes.set_ylim(bottom, top)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def kernels(model):
    """Draws the kernels of the first convolution.

    Kernels of red, green and blue are drawn in colour, as in figure 3 of Krizhevsky et al.,
    2012, each on a scale of its own around grey. Others are drawn channel by channel, a column
    for each kernel, on one scale from blue (negative) to red.

    Args:
        model: A network.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    layer = next((x for x in model.layers if isinstance(x, keras.layers.Conv2D)), None)
    if layer is None:
        raise ValueError(f"`model` must have a convolution.{_received(model)}")
    weights = _numpy(layer.kernel)  # (height, width, channels, kernels)
    height, width, channels, count = weights.shape
    size = f"{height}x{width}" + f"x{channels}" * (channels > 1)
    title = f"{layer.name.removesuffix('_kernels')}: {count} kernels of {size}"
    if channels == 3:
        columns, pitch = 16, 9.4 / 16
        page = new_page(0.9 + -(-count // columns) * pitch)
        write(page, 0.3, 0.35, title)
        for k in range(count):
            row, column = divmod(k, columns)
            box = (0.3 + column * pitch, 0.7 + row * pitch, 0.94 * pitch, 0.94 * pitch)
            kernel = weights[..., k]
            show(page, 0.5 + kernel / (2 * np.abs(kernel).max() or 1), box, (0, 1))
        return page.figure
    reach = np.abs(weights).max()
    pitch = min(1.4, 8.6 / count)
    rise = pitch * height / width
    page = new_page(0.9 + channels * rise)
    write(page, 0.3, 0.35, title)
    for row, column in np.ndindex(channels, count):
        x, y = 0.3 + column * pitch, 0.7 + row * rise
        box = (x, y, 0.94 * pitch, 0.94 * rise)
        image = show(page, weights[:, :, row, column], box, (-reach, reach), "RdBu_r")
    colour_bar(page, image, 0.4 + count * pitch, 0.7, (channels - 0.06) * rise)
    return page.figure


def feature_maps(model, image, classes=None):
    """Draws one digit on its way through all layers, as figure 2 of LeCun et al., 1998.

    All activations share one scale, from white (negative) to black (positive). With
    the RBF head, F6 is drawn once more as a bitmap, beside the code of the predicted class.

    Args:
        model: A network whose layers have names such as C1 or H1, as LeNet's have.
        image: Array `(height, width, channels)`, one input of the network.
        classes: Names of the classes. Default: their numbers.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    image = np.asarray(image, "float32")
    if image.shape != tuple(model.input_shape[1:]):
        raise ValueError(
            f"`image` must be one input of {model.name!r}, of shape {model.input_shape[1:]}. "
            f"Received: shape {image.shape}"
        )
    if not _has_lettered_layers(model):
        raise ValueError(f"`model` must have layers named as C1 or H1 are.{_received(model)}")
    names = [x.name for x in model.layers if re.fullmatch(r"[A-Z]\d", x.name) or x.name in OUTPUTS]
    found = {name: x[0] for name, x in _activations(model, names, image[None]).items()}
    output = next((name for name in OUTPUTS if name in found), None)
    scores = found.pop(output, None)
    reach = max(np.abs(x).max() for x in found.values())

    left, room, y = 1.75, 7.95, 0.25
    page = new_page(y)
    for name, maps in {"input": image, **found}.items():
        height, width, count = maps.shape if maps.ndim == 3 else (1, 1, maps.size)
        scale = (image.min(), image.max()) if name == "input" else (-reach, reach)
        if height == width == 1:
            label, rise = f"{name}: {count}", 0.3
            shown = show(page, maps.reshape(1, count), (left, y, room, rise), scale)
        else:
            label = f"{name}: " + f"{count}@" * (count > 1) + f"{height}x{width}"
            pitch = min(1.3, room / min(count, 16))
            tall = pitch * height / width
            for i in range(count):
                x, below = left + i % 16 * pitch, y + i // 16 * tall
                box = (x, below, 0.93 * pitch, 0.93 * tall)
                shown = show(page, maps[..., i], box, scale)
            rise = below + 0.93 * tall - y
        write(page, 0.3, y + rise / 2, label, 12)
        y += rise + 0.25
    resize(page, y + 1.75 * bool(output))
    colour_bar(page, shown, 9.1, 0.25, 1.2)
    write(page, 9.0, 0.85, "activations", 11, "right")
    if output:
        y += 0.1
        write(page, 0.3, y + 0.6, f"{output}: {scores.size}", 12)
        if _has_codes(model):
            code = _numpy(model.get_layer("RBF").code)[scores.argmax()]
            for label, bitmap in [("F6", found["F6"]), ("code", code)]:
                show(page, bitmap.reshape(CODE_SHAPE), (left, y, 0.7, 1.2), (-1, 1))
                write(page, left + 0.35, y + 1.38, label, 11, "center")
                left, room = left + 1, room - 1
        _bars(page, scores, (left, y, room, 1.2), classes)
    return page.figure


@arguments(
    models=Rule(
        "a dictionary of models",
        lambda x: isinstance(x, dict) and all(map(MODEL.holds, x.values())),
    )
)
def layer_responses(models: dict[str, keras.Model], images: np.ndarray) -> "Figure":
    """Draws the standard deviations of the layers' responses, as figure 7 of He et al., 2016.

    A response is the output of a 3x3 convolution after batch normalization, before anything
    else. Its deviation is over all images, positions and channels. The upper curves have the
    layers in their order, the lower ones sort them. Networks without and with shortcuts stand side
    by side, on one logarithmic scale, so that one network's few large responses do not flatten the
    others'; the paper's scale is linear.

    Args:
        models: `{label: network}`, networks with batch normalization after 3x3 convolutions.
        images: Array `(n, height, width, channels)`, inputs of the networks.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If a network has no such layer.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    networks = {"residual": kc.build("resnet8_cifar"), "plain": kc.build("plain8_cifar")}
    figure = kc.analysis.layer_responses(networks, np.random.normal(size=(4, 32, 32, 3)))
    figure.savefig("responses.png")
    ```
    """
    deviations = {}
    for label, model in models.items():
        names = [layer.name for layer in _normalizations(model)]
        if not names:
            raise ValueError(
                "A network must have batch normalization after convolutions of 3x3."
                f"{_received(model)}"
            )
        # The mean and the mean square of each image and layer are enough: all feature maps of
        # a deep network would not fit into memory.
        maps = [ops.cast(model.get_layer(name).output, "float32") for name in names]
        moments = [ops.mean(x**power, axis=(1, 2, 3)) for power in (1, 2) for x in maps]
        with graphs.deep_recursion():
            part = keras.Model(model.inputs, moments)
        found = part.predict(images, batch_size=100, verbose=0)
        mean, square = np.split(np.mean(found, axis=1, dtype="float64"), 2)
        deviations[label] = np.sqrt(square - mean**2)
    kinds: dict[str, list[str]] = {}
    for label, model in models.items():
        shortcuts = any(isinstance(layer, keras.layers.Add) for layer in model.layers)
        kinds.setdefault("with shortcuts" if shortcuts else "without shortcuts", []).append(label)
    reach = [f(f(values) for values in deviations.values()) for f in (min, max)]
    page, width = new_page(6.4), 9.2 / len(kinds)
    for column, (kind, labels) in enumerate(sorted(kinds.items(), reverse=True)):
        beside = f", {kind}" if len(kinds) > 1 else ""
        for y, title, order in [
            (0.6, "deviation of the responses" + beside, list),
            (3.7, "the same, sorted", lambda values: sorted(values, reverse=True)),
        ]:
            axes = panel(page, 0.7 + column * width, y, width - 0.5, 2.1)
            for label in labels:
                values = deviations[label]
                axes.plot(range(1, len(values) + 1), order(values), linewidth=1.4, label=label)
            axes.set_title(title, fontsize=12, color=INK, loc="left")
            axes.set_xlabel("layer" if order is list else "rank", fontsize=12, color=INK)
            _logarithmic(axes, reach[0] / 1.2, 1.2 * reach[1])
            axes.xaxis.get_major_locator().set_params(integer=True)
            style(axes)
            if len(deviations) > 1:
                axes.legend(frameon=False, fontsize=10)
    return page.figure


def codes(model, images, labels, classes=None):
    """Draws the codes of the classes, and below them the mean F6 of each class's images.

    The codes are figure 3 of LeCun et al., 1998.

    Args:
        model: A LeNet-5 with the RBF head.
        images: Array `(n, height, width, channels)`, inputs of the network.
        labels: Their classes, integers `(n,)`.
        classes: Names of the classes. Default: their numbers.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    if not _has_codes(model):
        raise ValueError(f'`model` must have the output layer "RBF".{_received(model)}')
    code = _numpy(model.get_layer("RBF").code)[:10]
    states = _activations(model, ["F6"], images)["F6"]
    page = new_page(3.6)
    write(page, 0.3, 1.2, "code")
    write(page, 0.3, 2.7, "mean F6")
    for k in range(len(code)):
        x = 1.35 + 0.8 * k
        write(page, x + 0.34, 0.35, _name(k, classes), ha="center")
        shown = show(page, code[k].reshape(CODE_SHAPE), (x, 0.6, 0.68, 1.2), (-1, 1))
        mine = states[np.ravel(labels) == k]
        if len(mine):
            show(page, mine.mean(axis=0).reshape(CODE_SHAPE), (x, 2.1, 0.68, 1.2), (-1, 1))
    colour_bar(page, shown, 9.35, 0.6, 2.7)
    return page.figure


def mistakes(images, labels, scores, limit=100, classes=None):
    """Draws the misread digits, each under "true->predicted", as figure 8 of LeCun et al., 1998.

    Args:
        images: Array `(n, height, width, 1)`.
        labels: Their classes, integers `(n,)`.
        scores: Array `(n, classes)`; the largest score is that of the predicted class.
        limit: Largest number of digits to draw.
        classes: Names of the classes. Default: their numbers.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    if not len(images) == len(labels) == len(scores):
        raise ValueError(
            "`images`, `labels` and `scores` must be equally long. "
            f"Received: {len(images)}, {len(labels)} and {len(scores)}"
        )
    predicted, labels = np.argmax(scores, axis=-1), np.ravel(labels)
    wrong = np.flatnonzero(predicted != labels)
    title = f"{len(wrong):,} of {len(images):,} misread"
    title += f", the first {limit} shown" * (len(wrong) > limit)
    wrong = wrong[:limit]
    captions = ["->".join(_name(each[k], classes) for each in (labels, predicted)) for k in wrong]
    longest = max(map(len, captions), default=1)
    across = max(1, min(15, 100 // longest))  # long names of classes take more room
    height, width = images.shape[1:3]
    side = (66 // width or 66 / width) * width / DPI  # whole screen pixels for each of the image's
    tall = side * height / width
    page = new_page(0.9 + -(-len(wrong) // across) * (tall + 0.33))
    write(page, 0.3, 0.35, title)
    for i, k in enumerate(wrong):
        row, column = divmod(i, across)
        x, y = 0.3 + column * 9.4 / across, 0.95 + row * (tall + 0.33)
        write(page, x, y - 0.12, captions[i], 11)
        show(page, images[k, ..., 0], (x, y, side, tall), (images.min(), images.max()))
    return page.figure


@arguments(folder=PATH, classes=NAMES)
def draw(
    model: keras.Model,
    history: dict[str, list[float]],
    folder: str | os.PathLike,
    images: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    held: str = "validation",
) -> list[pathlib.Path]:
    """Writes all pictures that apply to a trained network as PNG files.

    The network's layers decide which pictures they are:

    | picture                 | of                                                           |
    |-------------------------|--------------------------------------------------------------|
    | `learning_curves`       | all networks                                                 |
    | `kernels`               | a network with a convolution                                 |
    | `position_similarities` | a network with a `PatchEmbedding` and learned positions      |
    | `embedding_components`  | a network with a `PatchEmbedding` of grey or RGB images      |
    | with images:            |                                                              |
    | `attention_...`         | a network with a `PatchEmbedding`; of 8 images, at most      |
    | `layer_responses`       | batch normalization after 3x3 convolutions; of 1,000 images  |
    | `feature_maps`          | layers with names such as C1 or H1, as LeNet's have          |
    | `mistakes`              | the same, with labels                                        |
    | `codes`                 | LeNet-5's RBF head, with labels                              |

    Args:
        model: A trained network.
        history: An accuracy and its `val_` twin for each epoch, as in `Run.history` or
            `fit(...).history`.
        folder: Folder to write into. It is made if it is missing.
        images: Test images as the network sees them, `(n, height, width, channels)`.
        labels: Their classes, integers `(n,)`.
        classes: Names of the classes. Default: their numbers.
        held: What the images of the `val_` twin are: `"validation"` or `"test"`.

    Returns:
        The paths of the files.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If `history` has no accuracy with its twin.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.applications.LeNet1()
    images, labels = np.random.uniform(-0.1, 1.2, (20, 28, 28, 1)), np.arange(20) % 10
    history = {"accuracy": [0.5, 0.9], "val_accuracy": [0.4, 0.8]}
    paths = kc.analysis.draw(model, history, "pictures", images, labels)
    print([path.name for path in paths])  # learning_curves.png, kernels.png, ...
    ```
    """
    figures = {"learning_curves": learning_curves(history, held)}
    is_transformer = any(isinstance(layer, PatchEmbedding) for layer in layers_of(model))
    if any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers):
        figures["kernels"] = kernels(model)
    if is_transformer:
        figures |= attention_pictures.of_weights(model)
    # Of a model with a `call` of its own, no other outputs than its own can be computed.
    if images is None or not len(images) or not getattr(model, "inputs", None):
        return save(figures, folder)
    if is_transformer:
        read = model.predict(images[:8], verbose=0).argmax(axis=-1)
        captions = [_name(k, classes) for k in read]
        figures |= attention_pictures.of_images(model, images[:8], captions)
    if _normalizations(model):
        figures["layer_responses"] = layer_responses({model.name: model}, images[:1000])
    if _has_lettered_layers(model):
        figures["feature_maps"] = feature_maps(model, images[0], classes)
        if labels is not None:
            scores = model.predict(images, batch_size=500, verbose=0)
            figures["mistakes"] = mistakes(images, labels, scores, classes=classes)
            if _has_codes(model):
                figures["codes"] = codes(model, images, labels, classes)
    return save(figures, folder)


def _has_lettered_layers(model):
    """Whether layers have the letters and numbers that the papers of LeNet give them."""
    return any(re.fullmatch(r"[A-Z]\d", layer.name) for layer in model.layers)


def _has_codes(model):
    return any(layer.name == "RBF" for layer in model.layers)


def _normalizations(model):
    """The batch normalizations right after a convolution of 3x3."""
    return [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and getattr(graphs.maker(layer.input), "kernel_size", None) == (3, 3)
    ]


def _name(number, classes):
    return str(number if classes is None else classes[number])


def _received(model):
    names = ", ".join(layer.name for layer in model.layers)
    return f"{graphs.models_within(model)} Received: {model.name!r} with the layers {names}"


def _numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@graphs.deep_recursion()
def _activations(model, names, images):
    part = keras.Model(model.inputs, {name: model.get_layer(name).output for name in names})
    found = part.predict(images, batch_size=500, verbose=0)
    return {name: np.asarray(found[name], "float32") for name in names}


def _bars(page, scores, box, classes):
    axes = panel(page, *box)
    best = np.sort(np.argsort(scores)[-10:])
    winner = list(best).index(scores.argmax())
    colours = [INK if i == winner else PALE for i in range(len(best))]
    bars = axes.bar(range(len(best)), scores[best], width=0.7, color=colours)
    digits = "%.2f" if np.abs(scores).max() < 10 else "%.1f"
    values = axes.bar_label(bars, fmt=digits, fontsize=10, color=GREY, padding=2)
    axes.axhline(0, color=GREY, linewidth=0.8, clip_on=False)
    axes.margins(y=0.2)
    axes.set_xticks(range(len(best)), [_name(number, classes) for number in best])
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=12, labelcolor=GREY)
    axes.spines[:].set_visible(False)
    if scores.max() <= 0:
        axes.xaxis.tick_top()
    for text in (values[winner], axes.get_xticklabels()[winner]):
        text.set(color=INK, weight="bold")
