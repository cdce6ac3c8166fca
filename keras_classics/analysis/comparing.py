"""Run folders beside each other: what differs, how they learned, and whether one is better."""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_classics import tables
from keras_classics.analysis.page import new_page, panel
from keras_classics.analysis.pictures import axes_of_errors, extremes, learned
from keras_classics.checks import ANYTHING, Rule, arguments, refuse_nan, several

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of an interval of confidence, as deviations of a normal distribution.
CONFIDENCE = 0.95
DEVIATIONS = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
WIDTH = 40  # characters of a cell
IS_RUN = Rule(
    "two or more finished runs, `training.Run(folder)` each",
    several(
        Rule("a finished run", lambda x: "errors" in (getattr(x, "manifest", None) or ())), 2
    ).holds,
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Runs beside each other, as `compare` gives them. `str` writes it all as Markdown.

    Attributes:
        names: Of the runs: the names of their folders, or the paths, if names are the same.
        differences: `{what: (value of each run, ...)}`, of recipe, network, data and so on; `None`
            where a run has nothing of this name. What is the same in all runs is left out.
        errors: `{part of the data: [(wrong, of), ...]}`, `None` where a run was not tested on it.
        pairs: `{part: {(i, j): (only i wrong, only j wrong)}}` for runs of which the predictions
            of the same images are known: with `data`.
        curves: Of each run `{part: errors in percent after each epoch}`: first `"training"`, then
            the part that was tested after each epoch, by its name in `errors`.

    Example:

    ```python
    from keras_classics.analysis import comparing

    both = comparing.Comparison(
        ["lenet1", "lenet5"], {"epochs": (30, 20)}, {"test": [(110, 10_000), (86, 10_000)]}, {}, []
    )
    print(both)
    ```
    """

    names: list[str]
    differences: dict[str, tuple]
    errors: dict[str, list[tuple[int, int] | None]]
    pairs: dict[str, dict[tuple[int, int], tuple[int, int]]]
    curves: list[dict[str, np.ndarray]]

    def __str__(self) -> str:
        head = ("", *self.names)
        rows = [(what, *map(_words, values)) for what, values in self.differences.items()]
        parts = [tables.markdown([head, *rows]) if rows else "The runs differ in nothing stated."]
        rows = [
            (f"{part} error", *(_error(*found) if found else "" for found in row))
            for part, row in self.errors.items()
        ]
        words = f"Error in %, with its interval of {CONFIDENCE:.0%} confidence (Wilson)."
        parts += [tables.markdown([head, *rows]), words]
        rows = [
            (f"{self.names[i]} and {self.names[j]}, {part}", *found, f"{mcnemar(*found):.2g}")
            for part, pairs in self.pairs.items()
            for (i, j), found in pairs.items()
        ]
        if rows:
            head = ("the same images", "only the first wrong", "only the second wrong", "p")
            words = "p: how likely so uneven a split is by chance (McNemar's test, exact)."
            parts += [tables.markdown([head, *rows]), words]
        return "\n\n".join(parts)

    def draw(self) -> "Figure":
        """Draws the errors of all runs over the epochs.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If matplotlib is not installed.

        Example:

        ```python
        import numpy as np

        from keras_classics.analysis import comparing

        curves = [
            {"training": np.array([9.0, 5.0, 3.0]), "test": np.array([8.0, 6.0, 5.5])},
            {"training": np.array([7.0, 4.0]), "test": np.array([7.0, 6.0])},
        ]
        comparing.Comparison(["one", "two"], {}, {}, {}, curves).draw().savefig("curves.png")
        ```
        """
        page = new_page(5.2)
        axes = panel(page, 0.7, 0.6, 9.0, 3.9)
        for name, curves in zip(self.names, self.curves, strict=True):
            (_, training), (part, held) = curves.items()
            epochs = range(1, len(training) + 1)
            (line,) = axes.plot(epochs, held, "-", linewidth=1.8, label=f"{name}, {part}")
            axes.plot(epochs, training, ":", color=line.get_color(), label=f"{name}, training")
        axes_of_errors(axes, *extremes(curve for each in self.curves for curve in each.values()))
        axes.legend(frameon=False, fontsize=10)
        return page.figure


@arguments(runs=IS_RUN, data=ANYTHING)
def compare(runs: Sequence[Any], data: Any = None) -> Comparison:
    """Compares finished runs.

    Args:
        runs: Two or more, `training.Run(folder)` each.
        data: The data set of the runs, `datasets.load(...)`: the networks read its tested parts
            once more, and each two runs are compared image by image.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: If there are fewer than two runs, one is not finished, or the data are of
            another kind than a run's.

    Example:

    ```python
    import dataclasses
    import tempfile

    import numpy as np

    from keras_classics import analysis, datasets, training

    split = datasets.Digits(np.random.default_rng(0).uniform(size=(20, 28, 28, 1)), [3, 7] * 10, 20)
    data = datasets.Images("noise", datasets.Digits.classes, split, split, held="test")
    recipe = dataclasses.replace(training.recipe("lenet1"), epochs=1, curvature_patterns=5)
    folder = tempfile.mkdtemp()
    runs = [training.train(recipe, data, f"{folder}/{seed}", seed, verbose=0) for seed in (0, 1)]
    print(analysis.compare(runs, data))
    ```
    """
    names = [run.folder.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    stated = [_stated(run) for run in runs]
    differences = {
        what: tuple(each.get(what) for each in stated)
        for what in dict.fromkeys(itertools.chain(*stated))
        if any(each.get(what) != stated[0].get(what) for each in stated)
    }
    found = [run.manifest["errors"] for run in runs]
    errors = {
        part: [(each[part]["wrong"], each[part]["of"]) if part in each else None for each in found]
        for part in dict.fromkeys(itertools.chain(*found))
    }
    pairs = {} if data is None else _pairs([run.predictions(data) for run in runs])
    curves = [learned(run.history, run.validated) for run in runs]
    return Comparison(names, differences, errors, pairs, curves)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact test of McNemar: whether two classifiers err equally often on the same images.

    With `n = b + c` images that only one of them reads wrong, each is by chance of one half the
    first's,

        p = min(1, 2 sum_{k <= min(b, c)} C(n, k) / 2^n)

    Args:
        only_first: `b`, images that only the first reads wrong.
        only_second: `c`, images that only the second reads wrong.

    Returns:
        `p`, two-sided; 1 if there are no such images.

    Example:

    ```python
    from keras_classics.analysis import comparing

    print(comparing.mcnemar(12, 30))  # 0.008
    ```

    Reference: McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12(2), 1947.
    """
    n = only_first + only_second
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**n) if n else 1.0


def wilson(wrong: int, of: int) -> tuple[float, float]:
    """The interval of confidence of 95 % for a share, by Wilson.

    With `p = wrong / of`, `n = of` and `z = 1.96`,

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
        wrong: How many.
        of: Of how many, at least 1.

    Returns:
        `(low, high)`, from 0 to 1.

    Example:

    ```python
    from keras_classics.analysis import comparing

    print(comparing.wilson(86, 10_000))  # (0.0070, 0.0106)
    ```

    Reference: Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927.
    """
    p, z = wrong / of, DEVIATIONS
    centre, reach = p + z**2 / (2 * of), z * math.sqrt(p * (1 - p) / of + (z / (2 * of)) ** 2)
    low, high = ((centre + sign * reach) / (1 + z**2 / of) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def _stated(run):
    """What a run is made of, in one dictionary of values that can be compared."""
    manifest = run.manifest
    recipe = dict(manifest["recipe"])
    data = dict(manifest["data"])
    splits = data.pop("splits", {})
    network = {name: x for name, x in manifest.get("network", {}).items() if name != "sha256"}
    layers = network.pop("layers", {})
    return {
        "recipe": recipe.pop("class").rpartition(":")[2],
        **recipe,
        **{f"network: {name}": value for name, value in network.items()},
        **{f"network: layers of {name}": count for name, count in layers.items()},
        **{f"data: {name}": value for name, value in data.items() if name != "classes"},
        "data: classes": len(data["classes"]),
        **{f"data: {part}, digest": value.split()[-1][:12] for part, value in splits.items()},
        **{name: manifest.get(name) for name in ("seed", "dtype_policy", "replicas", "machine")},
        **{f"version of {name}": version for name, version in manifest["versions"].items()},
        "epochs trained": len(run.history["loss"]),
        "seconds": manifest.get("seconds"),
    }


def _pairs(predictions):
    """Of each two runs with the same images of a part, how many only one of them reads wrong."""
    found: dict[str, dict[tuple[int, int], tuple[int, int]]] = {}
    for (i, first), (j, second) in itertools.combinations(enumerate(predictions), 2):
        for part in first:
            if part not in second or not np.array_equal(first[part][1], second[part][1]):
                continue
            both = first[part], second[part]
            for scores, _ in both:
                refuse_nan(scores)
            wrong = [scores.argmax(axis=-1) != labels for scores, labels in both]
            a, b = wrong
            found.setdefault(part, {})[i, j] = int(np.sum(a & ~b)), int(np.sum(b & ~a))
    return found


def _error(wrong, of):
    low, high = (100 * share for share in wilson(wrong, of))
    return f"{100 * wrong / of:.2f} ({low:.2f} to {high:.2f}), {wrong:,} of {of:,}"


def _words(value):
    """A value in a cell of 40 characters at most; nothing for what a run does not have."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
