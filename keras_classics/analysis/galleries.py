"""Images beside each other: near ones, those that a unit likes, and what is taken for what."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_classics import graphs, surgery
from keras_classics.analysis.page import INK, light, new_page, panel, rgb, show, write
from keras_classics.checks import (
    ANYTHING,
    ARRAY,
    COUNT,
    FROM_0,
    NAMES,
    TEXT,
    Rule,
    arguments,
    optional,
    several,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR, RIGHT = "#a9c4e4", "#f0a0a0"  # of a guess, and of one that is right
SHOWN = 20  # classes of whose confusions the numbers are written


@arguments(layer=optional(TEXT), count=COUNT, batch_size=COUNT)
def nearest_images(
    model: keras.Model,
    images: Any,
    queries: Any,
    layer: str | None = None,
    count: int = 6,
    batch_size: int = 32,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the images whose features are nearest to those of other images.

    With `f` the output of a layer, all of its values in one vector, the distance of the image `x`
    from the query `q` is `|f(x) - f(q)|`, as in figure 4, right, of AlexNet's paper.

    Args:
        model: A network, or a `Classifier`.
        images: Images to look among, `(n, height, width, channels)`, inputs of the network; of a
            `Classifier` whatever its `predict` takes.
        queries: Images to look for, likewise.
        layer: Name of the layer. Default: what the layer of the classes reads; of AlexNet the
            4,096 units of fc7, as in the paper.
        count: Images for each query, at most.
        batch_size: Images that are computed at once.

    Returns:
        The numbers of the images, nearest first, integers `(queries, count)`; and their distances.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or it has no such layer.

    Example:

    ```python
    import keras_classics as kc

    model = kc.classifier("lenet5")
    digits = (255 * kc.datasets.load("digits").train.images).astype("uint8")
    found, _ = kc.analysis.nearest_images(model, digits[10:200], digits[:5])
    rows = [[query, *digits[10:200][near]] for query, near in zip(digits, found)]
    kc.analysis.gallery(rows, title="a digit, and those nearest in F6").savefig("near.png")
    ```

    Reference: Krizhevsky, Sutskever & Hinton, NIPS 2012, section 6.1.
    """
    near, sought = (_features(model, x, layer, batch_size) for x in (images, queries))
    near, sought = (x.reshape(len(x), -1).astype("float64") for x in (near, sought))
    distances = np.array([np.linalg.norm(near - one, axis=1) for one in sought])
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(distances, order, axis=1)


@arguments(layer=TEXT, unit=FROM_0, count=COUNT, batch_size=COUNT)
def strongest_images(
    model: keras.Model,
    images: Any,
    layer: str,
    unit: int,
    count: int = 9,
    batch_size: int = 32,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the images that excite a unit most, as in figure 2 of Zeiler & Fergus, 2014.

    Of a feature map, its largest value counts, wherever it is.

    Args:
        model: As of `nearest_images`.
        images: Images to look among, likewise.
        layer: Name of the layer.
        unit: Number of the unit, or of the feature map.
        count: Images, at most.
        batch_size: Images that are computed at once.

    Returns:
        The numbers of the images, the strongest first, integers `(count,)`; and the values.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or it has no such layer or unit.

    Example:

    ```python
    import keras_classics as kc

    model = kc.classifier("lenet5")
    digits = (255 * kc.datasets.load("digits").train.images[:100]).astype("uint8")
    found, values = kc.analysis.strongest_images(model, digits, "C3", unit=4)
    print(found, values)
    ```
    """
    values = _features(model, images, layer, batch_size)
    if unit >= values.shape[-1]:
        raise ValueError(
            f"`unit` must be below the {values.shape[-1]} units or maps of {layer}. "
            f"Received: {unit=}"
        )
    values = values[..., unit].reshape(len(values), -1).max(axis=1)
    order = np.argsort(-values, kind="stable")[:count]
    return order, values[order]


@arguments(
    rows=Rule("rows of images", several(ANYTHING).holds),
    captions=NAMES,
    title=TEXT,
)
def gallery(
    rows: Sequence[Sequence[np.ndarray]],
    captions: Sequence[str] | None = None,
    title: str = "",
) -> "Figure":
    """Draws rows of images.

    Args:
        rows: Images, `(height, width, channels)` each, grey or RGB, of any range.
        captions: A text for each row. Default: none.
        title: What stands above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there are not as many captions as rows.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    rows = np.random.uniform(size=(2, 5, 32, 32, 3))
    kc.analysis.gallery(rows, ["first", "second"], "noise").savefig("gallery.png")
    ```
    """
    if captions is not None and len(captions) != len(rows):
        raise ValueError(
            f"`captions` must be as many as rows. Received: {len(captions)} for {len(rows)} rows"
        )
    left = 0.3 if captions is None else 1.8
    side = min(1.3, (9.7 - left) / max(map(len, rows)))
    heads = [max(each.shape[0] / each.shape[1] for each in row) for row in rows]
    top = 0.7 if title else 0.2
    page = new_page(top + sum(heads) * side + 0.1)
    write(page, 0.3, 0.35, title)
    y = top
    for i, (row, tall) in enumerate(zip(rows, heads, strict=True)):
        if captions is not None:
            write(page, 0.3, y + 0.47 * side * tall, captions[i], 11)
        for k, image in enumerate(row):
            height = image.shape[0] / image.shape[1]
            box = (left + k * side, y, 0.94 * side, 0.94 * side * height)
            show(page, rgb(light(image)), box, (0, 1))
        y += side * tall
    return page.figure


@arguments(
    images=Rule("images, an array or a list of arrays", several(ANYTHING).holds),
    scores=ARRAY,
    classes=optional(NAMES),
    labels=optional(several(FROM_0)),
    count=COUNT,
)
def guesses(
    images: Sequence[np.ndarray],
    scores: np.ndarray,
    classes: Sequence[str] | None = None,
    labels: Sequence[int] | None = None,
    count: int = 5,
) -> "Figure":
    """Draws the best guesses below each image, with bars (AlexNet, figure 4, left).

    A bar is as long as the score, on one scale for all images; of scores below 0, as LeNet-5's, it
    begins at the smallest one.

    Args:
        images: Images, `(height, width, channels)` each, grey or RGB, of any range.
        scores: Array `(images, classes)`.
        classes: Names of the classes. Default: their numbers.
        labels: The class of each image: its bar is red, and its name stands above. Default: none
            is known.
        count: Guesses of an image, at most. Paper: 5.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there are not as many scores, names or labels as needed.

    Example:

    ```python
    import keras_classics as kc

    model = kc.classifier("lenet5", "lenet5-mnist-softmax")
    digits = kc.datasets.load("digits").validation
    images = (255 * digits.images[:4]).astype("uint8")
    scores = model.predict(images, verbose=0)
    names = [name for _, name in model.classes]
    kc.analysis.guesses(images, scores, names, digits.labels[:4]).savefig("guesses.png")
    ```

    Reference: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional
    Neural Networks", NIPS 2012, figure 4.
    """
    scores = np.asarray(scores, "float64")
    names = [str(k) for k in range(scores.shape[-1])] if classes is None else list(classes)
    expected = (len(images), len(names))
    if scores.shape != expected or (labels is not None and len(labels) != len(images)):
        raise ValueError(
            "Each image must have a score for each class, and a label if there are labels. "
            f"Received: {len(images)} images, {len(names)} classes, scores {scores.shape}, "
            f"{'no' if labels is None else len(labels)} labels"
        )
    low = min(0.0, scores.min())
    longest = (scores.max() - low) or 1.0
    count = min(count, len(names))
    side, across, line = 1.9, 4, 0.24  # of an image, images in a row, height of a guess
    tall = 0.4 + side + count * line + 0.3
    page = new_page(0.1 + tall * -(-len(images) // across))
    for i, (image, row) in enumerate(zip(images, scores, strict=True)):
        x, y = 0.3 + 2.4 * (i % across), 0.1 + tall * (i // across)
        scale = side / max(image.shape[:2])
        wide, high = image.shape[1] * scale, image.shape[0] * scale
        if labels is not None:
            write(page, x, y + 0.2, names[labels[i]], 12)
        show(page, rgb(light(image)), (x, y + 0.4 + side - high, wide, high), (0, 1))
        for k, best in enumerate(np.argsort(-row, kind="stable")[:count]):
            at = y + 0.4 + side + 0.12 + k * line
            right = labels is not None and best == labels[i]
            length = 2.2 * (row[best] - low) / longest
            page.barh(at + line / 2, length, 0.85 * line, x, color=RIGHT if right else BAR)
            write(page, x + 0.05, at + line / 2, names[best], 10)
    return page.figure


@arguments(matrix=ARRAY, classes=NAMES, title=TEXT)
def confusions(
    matrix: np.ndarray, classes: Sequence[str] | None = None, title: str = "confusions"
) -> "Figure":
    """Draws how often each class was taken for each, in percent of the class's images.

    Args:
        matrix: Numbers of images `(classes, classes)`, true classes in rows, as of
            `Run.confusion`.
        classes: Their names. Default: their numbers.
        title: What stands above.

    Returns:
        A `matplotlib.figure.Figure`. Of 20 classes or fewer the numbers of images stand in it.

    Raises:
        ValueError: If the matrix is not square, or there are other numbers of names.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    kc.analysis.confusions(np.array([[9, 1], [0, 5]]), ["cat", "dog"]).savefig("confusions.png")
    ```
    """
    matrix = np.asarray(matrix)
    names = [str(k) for k in range(len(matrix))] if classes is None else list(classes)
    if matrix.shape != (len(names), len(names)):
        raise ValueError(
            "`matrix` must have a row and a column for each class. "
            f"Received: shape {matrix.shape} for {len(names)} classes"
        )
    shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    page = new_page(7.8)
    write(page, 0.3, 0.35, title)
    axes = panel(page, 2.2, 1.1, 6.4, 6.4)
    wrong = shares * (1 - np.eye(len(names)))
    shown = axes.imshow(wrong, cmap="Reds", vmin=0, vmax=wrong.max() or 1, aspect="auto")
    if len(names) <= SHOWN:
        for row, column in zip(*np.nonzero(matrix), strict=True):
            dark = wrong[row, column] > 0.6 * (wrong.max() or 1)
            axes.text(
                column,
                row,
                f"{matrix[row, column]:,}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if dark else INK,
                weight="bold" if row == column else "normal",
            )
        axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(range(len(names)), names)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("taken for", fontsize=11, color=INK)
    axes.set_ylabel("true class", fontsize=11, color=INK)
    axes.tick_params(length=0, labelsize=10)
    bar = page.figure.colorbar(shown, cax=panel(page, 8.8, 1.1, 0.14, 6.4))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=9, length=0)
    bar.ax.set_xlabel("% of\na class", fontsize=9, color=INK)
    return page.figure


@arguments(layer=optional(TEXT), components=COUNT, batch_size=COUNT)
def principal_features(
    model: keras.Model,
    images: Any,
    layer: str | None = None,
    components: int = 2,
    batch_size: int = 32,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the principal components of a layer's outputs for images (PCA).

    Args:
        model: As of `nearest_images`.
        images: Likewise.
        layer: Likewise.
        components: How many components, the one of the largest variance first.
        batch_size: Images that are computed at once.

    Returns:
        An array `(n, components)`, whose columns have the mean 0; and the shares of the variance
        that they have, `(components,)`.

    Raises:
        ValueError: If Keras does not know the layers of `model`, or it has no such layer.

    Example:

    ```python
    import keras_classics as kc

    model = kc.classifier("lenet5")
    digits = kc.datasets.load("digits").train
    images = (255 * digits.images[:300]).astype("uint8")
    points, shares = kc.analysis.principal_features(model, images)
    title = f"two components of F6, {100 * shares.sum():.0f} % of the variance"
    kc.analysis.feature_plane(points, digits.labels[:300], title=title).savefig("plane.png")
    ```
    """
    values = _features(model, images, layer, batch_size)
    values = values.reshape(len(values), -1).astype("float64")
    left, deviations, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    shares = deviations**2 / (deviations**2).sum()
    return (left * deviations)[:, :components], shares[:components]


@arguments(points=ARRAY, labels=ARRAY, classes=NAMES, title=TEXT)
def feature_plane(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str] | None = None,
    title: str = "images in the plane of two features",
) -> "Figure":
    """Draws images as points of a plane, each class in a colour of its own.

    Args:
        points: Array `(n, 2)`, such as `principal_features` gives, or a t-SNE of features.
        labels: Classes, integers `(n,)`.
        classes: Their names. Default: their numbers.
        title: What stands above.

    Returns:
        A `matplotlib.figure.Figure`. The name of a class stands at the mean of its points.

    Raises:
        ValueError: If there are not as many labels as points.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    points = np.random.normal(size=(50, 2))
    figure = kc.analysis.feature_plane(points, np.arange(50) % 2, ["cat", "dog"])
    figure.savefig("plane.png")
    ```
    """
    points, labels = np.asarray(points), np.asarray(labels)
    if points.ndim != 2 or points.shape[1] < 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            "`points` must be (n, 2), and `labels` (n,). "
            f"Received: shapes {points.shape} and {labels.shape}"
        )
    page = new_page(7.6)
    write(page, 0.3, 0.35, title)
    axes = panel(page, 0.4, 0.7, 9.2, 6.7)
    for k in np.unique(labels):
        mine = points[labels == k]
        colour = f"C{k % 10}"
        axes.plot(mine[:, 0], mine[:, 1], ".", color=colour, markersize=5, alpha=0.6)
        axes.text(
            *mine[:, :2].mean(axis=0),
            str(k) if classes is None else classes[k],
            fontsize=14,
            weight="bold",
            color=INK,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": colour, "pad": 2},
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", "datalim")
    return page.figure


@graphs.deep_recursion()
def _features(model, images, layer, batch_size):
    """The output of a layer for each image."""
    graphs.check_connected(model)
    if hasattr(model, "with_network"):  # a classifier, whose room is above this one
        model, images = model.network, model.prepare(images)
    images = np.asarray(images, "float32")
    if layer is not None:
        part = surgery.features(model, [layer])
        return np.asarray(part.predict(images, batch_size, verbose=0)[layer], "float32")
    weighted = [each for each in graphs.operations(model.outputs) if getattr(each, "weights", ())]
    reads = weighted[-1].input
    if graphs.node_of(reads) not in graphs.nodes(model.outputs):
        raise ValueError(
            "The layer of the classes is within a model within the model: give the name of a "
            f"layer, `layer`.{graphs.models_within(model)} Received: {model.name!r}"
        )
    part = keras.Model(model.inputs, reads)
    return np.asarray(part.predict(images, batch_size, verbose=0), "float32")
