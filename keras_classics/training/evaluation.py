"""What came of a training: errors, and which class was taken for which."""

import csv

import numpy as np

SHOWN = 20  # classes of which the whole matrix is printed
WORST = 10  # rows that are printed of more


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
    """Writes a confusion matrix with the names of the classes."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["class", *classes])
        writer.writerows([name, *row] for name, row in zip(classes, matrix, strict=True))


def read(path):
    """The confusion matrix in a file, and the names of the classes."""
    with open(path, newline="") as file:
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
        name = max(map(len, classes))
        head = " ".join(f"{c[:width]:>{width}}" for c in classes)
        lines = [f"{'':{name}} {head}   error"]
        for c, row, p in zip(classes, matrix, percent, strict=True):
            cells = " ".join(f"{cell or '.':>{width}}" for cell in row)
            lines.append(f"{c:{name}} {cells}  {p:5.1f} %")
        return "\n".join(lines)
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
