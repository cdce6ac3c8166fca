"""What a network that is swept over a line of characters reads there."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_classics.analysis.page import new_page, show, write
from keras_classics.checks import ARRAY, NAMES, NUMBER, arguments, either

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME = "#d62728"


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """The characters of a line, as `reading` gives them. `str` has their names in one word.

    Attributes:
        labels: The classes of the characters, from left to right.
        path: At each column the class that it is taken for; -1: no character.
        scores: The scores, `(columns, classes)`.
        none: The score of no character at each column, `(columns,)`.
        classes: Names of the classes.

    Example:

    ```python
    import numpy as np

    from keras_classics import analysis

    found = analysis.reading(np.array([[-1, -9], [-2, -9], [-9, -9], [-9, -3]]), none=-5)
    print(found, found.path)  # 01 (0, 0, -1, 1)
    ```
    """

    labels: tuple[int, ...]
    path: tuple[int, ...]
    scores: np.ndarray
    none: np.ndarray
    classes: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(self.classes[label] for label in self.labels)

    @arguments(image=ARRAY)
    def draw(self, image: np.ndarray) -> "Figure":
        """Draws the line, what each column is taken for, the scores, and the answer.

        The name of the best class stands below the middle of its window, the lighter the lower its
        score is. In the map of the scores, the frames are the characters that are read.

        Args:
            image: The image that the network was swept over, `(height, width, 1)`. A window is as
                wide as the image is high.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        image = np.asarray(image)
        if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,)):
            raise ValueError(
                "`image` must be the line, (height, width, 1). Received: an array of the shape "
                f"{image.shape}"
            )
        height, width = image.shape[:2]
        columns, classes = self.scores.shape
        step = (width - height) // max(1, columns - 1)
        left, scale, line = 0.8, 8.9 / width, 0.26
        top = 0.35 + height * scale
        page = new_page(top + (classes + 3.2) * line)
        picture = image.reshape(height, width)
        show(page, picture, (left, 0.15, width * scale, height * scale), (image.min(), image.max()))
        high = max(self.scores.max(), self.none.max())
        low = high - 3 * (high - self.none.min() or 1.0)  # no character at a third of the scale
        start = left + (height - step) / 2 * scale
        box = (start, top + 1.2 * line, columns * step * scale, classes * line)
        show(page, self.scores.T, box, (low, high))
        for k in range(classes):
            write(page, start - 0.25, box[1] + (k + 0.5) * line, self.classes[k], 11)
        for k, row in enumerate(self.scores):
            x = start + k * step * scale
            grey = float(np.clip((high - row.max()) / (high - low), 0, 1))
            page.text(
                x + step / 2 * scale,
                top + 0.6 * line,
                self.classes[row.argmax()],
                fontsize=10,
                color=str(0.9 * grey),
                ha="center",
                va="center",
            )
            if self.path[k] >= 0:
                y, wide = box[1] + self.path[k] * line, step * scale
                corners = [x, x + wide, x + wide, x, x], [y, y, y + line, y + line, y]
                page.plot(*corners, color=FRAME, linewidth=1.6)
        write(page, left, top + (classes + 2.3) * line, f"read: {self}", 15)
        return page.figure


@arguments(scores=ARRAY, none=either(NUMBER, ARRAY), classes=NAMES)
def reading(
    scores: np.ndarray, none: float | np.ndarray = -10.0, classes: Sequence[str] | None = None
) -> Reading:
    """Reads the characters of a line from the outputs of a network that is swept over it.

    Each column is taken for a class or for no character, so that the sum of the scores is the
    largest that this grammar allows: neighbouring columns of one class are one character, and
    between two characters there is a column of none. The path is found by Viterbi's algorithm.

    The paper composes the outputs with a transducer, which keeps characters off neighbouring
    outputs, too, and finds the best path (section VII.A). Its network knows a class for no
    character, of which it has learned.
    One that has not needs a score for it: by default -10, the negative of the penalty of the
    rubbish class that LeNet-5's recipe trains with (eq. 9, j).

    Args:
        scores: Array `(columns, classes)`, of which the largest is the class: of
            `applications.lenet5.swept(model)(images)` that is `[i, 0]` of image `i`.
        none: The score of no character, or an array `(columns,)`.
        classes: Names of the classes. Default: their numbers.

    Returns:
        A `Reading`, which prints as the characters and draws them.

    Raises:
        ValueError: If the scores are no table of numbers, or there are other numbers of names, or
            of scores for no character.

    Example:

    ```python
    import keras_classics as kc

    digits = kc.datasets.load("digits").validation
    line = kc.preprocessing.digit_string(digits.images[:4], gap=8) * 1.275 - 0.1
    reader = kc.applications.lenet5.swept(kc.applications.LeNet5(weights="mnist-distortions"))
    found = kc.analysis.reading(reader.predict(line[None], verbose=0)[0, 0])
    print(found, digits.labels[:4])
    found.draw(line).savefig("string.png")
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, section VII.
    """
    scores = np.asarray(scores)
    if scores.dtype.kind not in "fiub" or np.isnan(scores).any():
        raise ValueError(
            f"`scores` must be numbers. Received: {scores.dtype}"
            + (", some of them nan" if scores.dtype.kind == "f" else "")
        )
    scores = scores.astype("float64")
    known = tuple(map(str, range(scores.shape[-1])) if classes is None else classes)
    absent = np.asarray(none, "float64")
    if scores.ndim != 2 or len(known) != scores.shape[1] or not scores.size:
        raise ValueError(
            "`scores` must be (columns, classes), with a name for each class. "
            f"Received: shape {scores.shape} and {len(known)} names"
        )
    if absent.shape not in ((), scores.shape[:1]) or not np.isfinite(absent).all():
        raise ValueError(
            f"`none` must be a finite number, or one for each of the {len(scores)} columns. "
            f"Received: none={none}, shape {absent.shape}"
        )
    absent = np.broadcast_to(absent, scores.shape[:1])
    every = np.column_stack([scores, absent])  # the last is no character
    count = scores.shape[1]
    total, before = every[0], []
    for row in every[1:]:
        best = int(total.argmax())
        # A class goes on, or comes after none; none comes after the best.
        goes_on = total[:count] >= total[count]
        came = np.append(np.where(goes_on, np.arange(count), count), best)
        before.append(came)
        total = total[came] + row
    path = [int(total.argmax())]
    for came in reversed(before):
        path.append(int(came[path[-1]]))
    path = [k if k < count else -1 for k in reversed(path)]
    labels = [k for k, last in zip(path, [-1, *path], strict=False) if k >= 0 and k != last]
    return Reading(tuple(labels), tuple(path), scores, absent, known)
