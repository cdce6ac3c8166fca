"""All networks by year: size, error, what trained them; and the winners of ILSVRC in a picture."""

import dataclasses
import re
from typing import TYPE_CHECKING

from keras_classics import backend, models, names, tables
from keras_classics.analysis.counting import count, depth
from keras_classics.analysis.tables import Result, Training, entries, results, training
from keras_classics.checks import TEXT, arguments, optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Milestone:
    """A network in the history: its numbers are counted, the others are the paper's.

    Args:
        year: Year of its paper.
        network: Its name.
        layers: Layers with weights on the longest way, as `depth` counts.
        parameters: Number of trainable parameters.
        macs: Multiply-adds of one image.
        best: The least error that papers print of it alone, or `None`.
        training: What trained it, or `None` where its paper does not say.
    """

    year: int
    network: str
    layers: int
    parameters: int
    macs: int
    best: Result | None
    training: Training | None

    def cells(self) -> tuple:
        """The cells of its row in a table."""
        numbers = (str(self.layers), f"{self.parameters:,}", f"{self.macs:,}")
        errors: tuple = (None, None, None)
        if self.best:
            said = (self.best.data, self.best.protocol, self.best.paper, self.best.source)
            errors = (self.best.top1, self.best.top5, "; ".join(filter(None, said)))
        return (str(self.year), self.network, *numbers, *errors)


class Timeline(tuple[Milestone, ...]):
    """Networks by year, which print as two tables."""

    def rows(self) -> list[tuple]:
        """The cells of the first table: sizes and errors in percent, the head first."""
        head = ("year", "network", "layers", "parameters", "mult-adds", "top-1", "top-5", "of")
        return [head, *(each.cells() for each in self)]

    def trainings(self) -> list[tuple]:
        """The cells of the second table: what trained a network, the head first."""
        rows = [(e.network, e.training) for e in self if e.training]
        head = ("network", "hardware", "time", "source")
        return [head, *((name, t.hardware, t.time, t.source) for name, t in rows)]

    def __repr__(self):
        first = tables.aligned(self.rows(), right=range(2, 7))
        return f"{first}\n\n{tables.aligned(self.trainings())}"


@arguments(pattern=optional(TEXT))
def timeline(pattern: str | None = None) -> Timeline:
    """Puts networks beside each other by year: layers, parameters, multiply-adds, errors.

    Layers, parameters and multiply-adds are counted; errors, hardware and days are what the papers
    print. Of each network it is the least error that is printed of it alone, on the data that its
    paper names first.

    Args:
        pattern: Networks, as `names.select` takes them: `"vgg"`, `"resnet*"`. Default: of each
            builder the network with the least error.

    Returns:
        A tuple of `Milestone`, which prints as two tables.

    Raises:
        ValueError: If there is no such network.

    Example:

    ```python
    import keras_classics as kc

    for row in kc.analysis.timeline("lenet*"):
        print(row.year, row.network, row.parameters, row.best.top1)
    ```
    """
    if pattern is None:
        best: dict[str, names.Network] = {}
        for network in names.NETWORKS.values():
            if _best(network.name):
                least = best.setdefault(network.builder, network)
                best[network.builder] = min(least, network, key=lambda n: _order(_best(n.name)))
        chosen = list(best.values())
    else:
        chosen = names.select(pattern)
    return Timeline(sorted(map(_milestone, chosen), key=lambda row: row.year))


def _milestone(network):
    model = backend.without_values(models.build, network.name)
    rows = count(model)
    return Milestone(
        int(re.findall(r"\d{4}", names.PAPERS[network.paper].title)[-1]),
        network.name,
        depth(model),
        sum(row.parameters for row in rows),
        sum(row.macs for row in rows),
        _best(network.name),
        training(network.name),
    )


def _best(name):
    """The least error of one network, on the data that its paper names first."""
    found = [r for r in results(name) if r.network == name and r.models == 1]
    return min((r for r in found if r.data == found[0].data), key=_order, default=None)


def _order(result):
    """By top-1 errors, or where a paper prints none by top-5 errors."""
    return (result.top1 or result.top5, result.top5 or 0)


@arguments()
def winners() -> "Figure":
    """Draws the winners of the ImageNet challenge: fewer errors, and more layers, year by year.

    The layers are those of the networks here, as `depth` counts them.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:

    ```python
    import keras_classics as kc

    kc.analysis.winners().savefig("winners.png")
    ```
    """
    from keras_classics.analysis.page import GREY, INK, new_page

    page = new_page(6.0)
    won = entries()
    layers = [
        depth(backend.without_values(models.build, e.network)) if e.network else e.layers
        for e in won
    ]
    errors = [entry.top5 for entry in won]
    axes = _bars(page, 0.35, "layers with weights", layers, GREY)
    axes.set_xticks([])
    axes = _bars(page, 3.05, "top-5 error in the test of ILSVRC, %", errors, INK)
    axes.set_xticks(range(len(won)), [f"{e.team}\n{e.year}" for e in won])
    return page.figure


def _bars(page, y, title, values, colour):
    """A bar for each value, with its number above; `None` has no bar."""
    from keras_classics.analysis.page import INK, panel, style, write

    write(page, 0.5, y, title)
    axes = panel(page, 0.5, y + 0.25, 9.2, 2.0)
    bars = axes.bar(range(len(values)), [value or 0 for value in values], 0.6, color=colour)
    axes.bar_label(bars, ["shallow" if v is None else f"{v:g}" for v in values], color=INK)
    axes.margins(y=0.15)
    style(axes)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    return axes
