"""What came of a training: errors, and which class was taken for which."""

import concurrent.futures
import csv
import os

import numpy as np

from keras_classics import tables
from keras_classics.atomic import atomic
from keras_classics.classification import prepared

SHOWN = 20  # classes of which the whole matrix is printed
WORST = 10  # rows that are printed of more


def scores_of(classifier, split, batch_size=32):
    """The scores of a `Classifier` for images of any sizes, and their labels.

    Args:
        classifier: The classifier.
        split: Images by `split[i]`, with their labels, and a length.
        batch_size: Images that go through the network at once.

    Returns:
        Arrays `(n, classes)` and `(n,)`, and the errors of those images that cannot be decoded
        and so are left out.
    """

    def read(i):
        try:
            image, label = split[i]
            return prepared(classifier.preprocessing, image), label
        except ValueError as error:
            return None, error

    scores, labels, errors = [], [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(split), batch_size):
            done = list(pool.map(read, range(len(split))[start : start + batch_size]))
            errors += [error for image, error in done if image is None]
            images = [image for image, _ in done if image is not None]
            if images:
                scores.append(classifier.network.predict_on_batch(np.stack(images)))
                labels += [label for image, label in done if image is not None]
    if not labels:
        raise ValueError(f"No image can be decoded: {errors[0]}")
    return np.concatenate(scores), np.array(labels), errors


def count(scores, labels):
    """The images whose class is not the first, and of more than five classes not in the first five.

    Args:
        scores: Array `(n, classes)`.
        labels: Array `(n,)`.

    Returns:
        `{"wrong", "of", "percent", "top-5": {"wrong", "of", "percent"}}`.
    """
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
