"""Patterns that a classifier rejects, and what it gets wrong of the rest."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_classics import tables
from keras_classics.analysis.page import new_page, panel
from keras_classics.checks import ARRAY, SHARE, arguments, one_of, refuse_nan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CRITERIA = {
    "margin": "the difference of the two largest scores",
    "largest": "the largest score",
    "three": "the largest score, the second and their difference",
}
GOALS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)  # errors of the rest in a table
MOST = 64  # thresholds that are tried of the largest score, and of the second


class Decision(NamedTuple):
    """What comes of one choice of thresholds.

    Attributes:
        rejected: Images that are rejected.
        wrong: Images that are taken, and for another class.
        of: All images.
        thresholds: An image is taken if its measure is at least so large. Of `"three"`: if the
            largest score is above the first, the second score below the second, and their
            difference at least the third.
    """

    rejected: int
    wrong: int
    of: int
    thresholds: tuple[float, ...]

    @property
    def error(self) -> float:
        """The share of the images taken that are wrong, from 0 to 1."""
        return self.wrong / max(1, self.of - self.rejected)


@dataclasses.dataclass(frozen=True)
class Rejection:
    """Error over rejection, as `rejection` gives it. `str` writes it as a table.

    Attributes:
        criterion: `"margin"`, `"largest"` or `"three"`.
        decisions: A `Decision` for each number of rejected images that can be had, the fewest
            first. The last one rejects all.

    Example:

    ```python
    import numpy as np

    from keras_classics import analysis

    scores = np.array([[9, 1, 0], [5, 4, 0], [3, 7, 1], [2, 1, 3]], "float32")
    found = analysis.rejection(scores, labels=np.array([0, 1, 1, 2]))
    print(found.at(error=0.0).rejected)  # 2: of equal differences, both
    ```
    """

    criterion: str
    decisions: Sequence[Decision]

    @arguments(error=SHARE)
    def at(self, error: float) -> Decision:
        """The decision that rejects the fewest images, with at most this error of the rest.

        Args:
            error: A share, from 0 to 1.
        """
        return next(each for each in self.decisions if each.error <= error)

    def table(self, errors: Sequence[float]) -> str:
        """The decisions for some errors of the rest.

        Args:
            errors: Shares, from 0 to 1.

        Returns:
            A line for each.
        """
        rows: list[tuple[object, ...]] = [("error of the rest", "rejected", None, "thresholds")]
        for error in errors:
            found = self.at(error)
            taken, share = found.of - found.rejected, 100 * found.rejected / found.of
            left = f"{100 * found.error:.2f} % ({found.wrong:,} of {taken:,})"
            thresholds = ", ".join(f"{each:.4g}" for each in found.thresholds)
            rows.append(
                (left, f"{share:.2f} %", f"({found.rejected:,} of {found.of:,})", thresholds)
            )
        return tables.aligned(rows, right=(1, 2))

    def __str__(self) -> str:
        start = self.decisions[0].error
        goals = [goal for goal in GOALS if goal < start]
        return f"Rejected by {CRITERIA[self.criterion]}:\n{self.table([start, *goals])}"

    def draw(self) -> "Figure":
        """Draws the error of the rest over the share that is rejected.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        page = new_page(5.2)
        axes = panel(page, 0.7, 0.6, 9.0, 3.9)
        of = self.decisions[0].of
        taken = [each for each in self.decisions if each.rejected < of]
        rejected = [100 * each.rejected / of for each in taken]
        axes.step(rejected, [100 * each.error for each in taken], where="post", linewidth=1.8)
        # Beyond the last error there is nothing to see.
        sound = 100 * self.at(0.0).rejected / of
        axes.set_xlim(0, max(1.0, 1.05 * min(sound, 95.0)))
        axes.set_ylim(0, None)
        axes.set_xlabel("rejected, %")
        axes.set_ylabel("error of the rest, %")
        return page.figure


@arguments(scores=ARRAY, labels=ARRAY, criterion=one_of(*CRITERIA))
def rejection(scores: np.ndarray, labels: np.ndarray, criterion: str = "margin") -> Rejection:
    """Counts what a classifier gets wrong if it may reject the patterns of which it is not sure.

    With `s1 >= s2` the two largest scores of an image, it is taken if

        "margin":   s1 - s2 >= t                             (LeCun et al., 1989 and 1998)
        "largest":  s1 >= t
        "three":    s1 > t1,  s2 < t2  and  s1 - s2 >= td    (LeCun et al., 1990)

    The thresholds are chosen on these images themselves, as the papers chose theirs. Those of
    `"three"` are searched for: each of the first two among the scores of 64 misread images at
    most, the third among all. With fewer misread images nothing better can be had.

    Args:
        scores: Array `(images, classes)`, of two classes or more: probabilities, or scores of
            which the largest is that of the class, such as `-y` of LeNet-5's penalties.
        labels: Array `(images,)` of the numbers of the classes.
        criterion: `"margin"`, `"largest"` or `"three"`.

    Returns:
        A `Rejection`.

    Raises:
        ValueError: If the scores and labels are not of these shapes, or a score is no number.

    Example:

    ```python
    import keras_classics as kc

    data = kc.datasets.load("digits")
    model = kc.classifier("lenet1")
    images = (255 * data.validation.images).round().astype("uint8")
    labels = data.validation.labels
    found = kc.analysis.rejection(model.predict(images, verbose=0), labels, "three")
    print(found)
    print(found.at(error=0.01))  # what must be rejected for an error of 1 % of the rest
    ```
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.ndim != 2 or scores.shape[1] < 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            "Expected scores (images, classes) of two classes or more, and a label for each image. "
            f"Received: scores {scores.shape}, labels {labels.shape}"
        )
    if not len(scores):
        raise ValueError("Expected images. Received: none")
    refuse_nan(scores)
    second, first = np.moveaxis(np.partition(scores.astype("float64"), -2, axis=1)[:, -2:], 1, 0)
    wrong = scores.argmax(axis=1) != labels
    if criterion == "three":
        return Rejection(criterion, _by_three(first, second, wrong))
    measure = first if criterion == "largest" else first - second
    return Rejection(criterion, _by_one(measure, wrong))


def _by_one(measure, wrong):
    order, ends = _falling(measure)
    taken, left = ends + 1, np.cumsum(wrong[order])[ends]
    found = [
        Decision(len(wrong) - int(n), int(w), len(wrong), (float(t),))
        for n, w, t in zip(taken, left, measure[order][ends], strict=True)
    ]
    return [*reversed(found), _none(len(wrong), 1)]


def _by_three(first, second, wrong):
    """Of each number of errors, the decision that takes the most images."""
    order, ends = _falling(first - second)
    first, second, wrong = first[order], second[order], wrong[order]
    difference = (first - second)[ends]
    most = np.zeros(int(wrong.sum()) + 1, int)
    chosen = np.full((len(most), 3), np.inf)
    for t1 in _tried(first[wrong], -np.inf):
        for t2 in _tried(second[wrong], np.inf):
            takes = (first > t1) & (second < t2)
            taken, left = np.cumsum(takes)[ends], np.cumsum(takes & wrong)[ends]
            last = np.flatnonzero(np.append(left[1:] != left[:-1], True))
            last = last[taken[last] > most[left[last]]]
            most[left[last]] = taken[last]
            chosen[left[last], :2] = t1, t2
            chosen[left[last], 2] = difference[last]
    of, found = len(wrong), [_none(len(wrong), 3)]
    for left, (taken, thresholds) in enumerate(zip(most, chosen, strict=True)):
        if taken > of - found[-1].rejected:
            found.append(Decision(of - int(taken), left, of, tuple(map(float, thresholds))))
    return found[::-1]


def _falling(measure):
    """The order of falling measures, and where in it the last of equal ones is."""
    order = np.argsort(-measure, kind="stable")
    return order, np.flatnonzero(np.append(np.diff(measure[order]) != 0, True))


def _tried(scores, none):
    values = np.unique(scores)
    if len(values) > MOST:
        values = values[np.linspace(0, len(values) - 1, MOST).round().astype(int)]
    return [none, *values]


def _none(of, thresholds):
    return Decision(of, 0, of, (np.inf,) * thresholds)
