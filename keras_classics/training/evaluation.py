"""What came of a training: errors, and which class was taken for which."""

import concurrent.futures
import csv
import os

import numpy as np

from keras_classics import tables
from keras_classics.atomic import atomic
from keras_classics.checks import refuse_nan
from keras_classics.classification import prepared

SHOWN = 20  # classes of which the whole matrix is printed
WORST = 10  # rows that are printed of more


def scores_of(classifiers, split, batch_size=32):
    """The scores of each `Classifier` for images of any sizes, and their labels.

    An image is read once, and prepared once for all classifiers that prepare it alike.

    Args:
        classifiers: The classifiers.
        split: Images by `split[i]`, with their labels, and a length.
        batch_size: Images that go through the networks at once.

    Returns:
        Of each classifier an array `(n, classes)`; an array `(n,)`; and the errors of those images
        that cannot be decoded and so are left out.
    """
    ways = [_plain(each.preprocessing) for each in classifiers]
    firsts = sorted({ways.index(way) for way in ways})

    def read(i):
        try:
            image, label = split[i]
            return {k: prepared(classifiers[k].preprocessing, image) for k in firsts}, label
        except ValueError as error:
            return None, error

    scores, labels, errors = [[] for _ in classifiers], [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(split), batch_size):
            done = list(pool.map(read, range(len(split))[start : start + batch_size]))
            errors += [error for images, error in done if images is None]
            read_ones = [images for images, _ in done if images is not None]
            labels += [label for images, label in done if images is not None]
            if read_ones:
                batches = {k: np.stack([images[k] for images in read_ones]) for k in firsts}
                for found, way, each in zip(scores, ways, classifiers, strict=True):
                    found.append(each.network.predict_on_batch(batches[ways.index(way)]))
    if not labels:
        raise ValueError(f"No image can be decoded: {errors[0]}")
    return [np.concatenate(found) for found in scores], np.array(labels), errors


def _plain(layer):
    return {name: value for name, value in layer.get_config().items() if name != "name"}


def refuse_other_classes(classifiers):
    """Refuses classifiers that do not know the same classes in the same order."""
    if any(each.classes != classifiers[0].classes for each in classifiers):
        raise ValueError(
            "Networks that answer together must know the same classes, in one order. Received: "
            f"networks of {', '.join(str(len(each.classes)) for each in classifiers)} classes"
        )


def average(predictions):
    """The mean of the scores of several networks for the same images, and the labels.

    Args:
        predictions: Of each network `(scores, labels)`, arrays `(n, classes)` and `(n,)`.
    """
    scores = [np.asarray(each, "float64") for each, _ in predictions]
    if len({bool(np.allclose(each.sum(axis=1), 1, atol=1e-3)) for each in scores}) > 1:
        raise ValueError(
            "Probabilities and other scores have no common mean. Received: networks of which only "
            "some give scores that add up to 1 for each image"
        )
    return np.mean(scores, axis=0), predictions[0][1]


def count(scores, labels):
    """The images whose class is not the first, and of more than five classes not in the first five.

    Args:
        scores: Array `(n, classes)`.
        labels: Array `(n,)`.

    Returns:
        `{"wrong", "of", "percent", "top-5": {"wrong", "of", "percent"}}`.

    Raises:
        ValueError: If a score is nan.
    """
    refuse_nan(scores)
    best = np.argsort(-scores, axis=-1, kind="stable")[:, :5] == np.asarray(labels)[:, None]
    errors = _share(~best[:, 0])
    if scores.shape[-1] > 5:
        errors["top-5"] = _share(~best.any(axis=1))
    return errors


def _share(wrong):
    of, wrong = len(wrong), int(np.sum(wrong))
    return {"wrong": wrong, "of": of, "percent": round(100 * wrong / of, 3)}


def confusion(scores, labels):
    """How often each class (row) was taken for each (column): integers `(classes, classes)`."""
    matrix = np.zeros((scores.shape[-1],) * 2, int)
    np.add.at(matrix, (np.asarray(labels), scores.argmax(-1)), 1)
    return matrix


def counted(predictions):
    """The errors and confusions of each part, of its scores and labels."""
    return {part: (count(*found), confusion(*found)) for part, found in predictions.items()}


def write(path, matrix, classes):
    """Writes a confusion matrix with the names of the classes, all of it or nothing."""
    with atomic(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["class", *classes])
        writer.writerows([name, *row] for name, row in zip(classes, matrix, strict=True))


def read(path):
    """The confusion matrix in a file, and the names of the classes."""
    with open(path, newline="", encoding="utf-8") as file:
        (_, *classes), *rows = csv.reader(file)
    return np.array([row[1:] for row in rows], int), classes


def table(matrix, classes):
    """A confusion matrix in words: true classes in rows, and the error of each.

    Of more than 20 classes the ten worst, and the ten confusions that are most frequent.
    """
    of = matrix.sum(axis=1)
    wrong = of - matrix.diagonal()
    percent = 100 * wrong / np.maximum(of, 1)
    if len(classes) <= SHOWN:
        width = max(4, len(str(matrix.max())))
        rows = [("", *(f"{name[:width]:>{width}}" for name in classes), "error")]
        for name, row, p in zip(classes, matrix, percent, strict=True):
            rows.append((name, *(cell or "." for cell in row), f"  {p:.1f} %"))
        return tables.aligned(rows, right=range(1, len(classes) + 2), gap=" ")
    lines = ["Worst classes:"]
    for k in np.argsort(-percent, kind="stable")[:WORST]:
        lines.append(f"  {percent[k]:5.1f} % ({wrong[k]:,} of {of[k]:,})  {classes[k]}")
    lines.append("Most frequent confusions:")
    others = matrix - np.diag(matrix.diagonal())
    for k in np.argsort(-others, axis=None, kind="stable")[:WORST]:
        true, taken = divmod(int(k), len(classes))
        if others[true, taken]:
            lines.append(f"  {others[true, taken]:,}  {classes[true]} taken for {classes[taken]}")
    return "\n".join(lines)
