"""The numbers that papers print of their networks: a file a paper, as in `names.PAPERS`.

Such a file has `TABLES`, from the names of networks to what the paper prints of them; `RESULTS`,
the errors that it prints; `TRAININGS`, from the names of networks to what trained them; and
`WINNERS`, the entries of the ImageNet challenge that a lecture draws.
"""

import dataclasses
import importlib
import importlib.util
import re
from collections.abc import Iterable

from keras_classics import names, tables
from keras_classics.checks import TEXT, arguments


@dataclasses.dataclass(frozen=True)
class PaperRow:
    """One row of a paper's table: what the paper prints, and `None` for what it does not.

    A number is an integer, which is exact, or a text as printed: `"0.27M"`, `"60 million"`.

    Args:
        name: Name of the layer, or of a stage of layers with `_x` at its end: `"conv2_x"`; or
            `"total"`.
        output_shape: Shape of the output of one image: `(28, 28, 6)`. A total has none.
        source: Where the paper prints it: `"Table 1"`.
        units: Number of outputs.
        parameters: Number of trainable parameters.
        weights: Number of parameters without the biases.
        connections: Number of connections; see `analysis.Row`.
        macs: Number of multiply-adds.
        note: The reason, if the network differs from what is printed.
    """

    name: str
    output_shape: tuple[int, ...] | None
    source: str
    _: dataclasses.KW_ONLY
    units: int | str | None = None
    parameters: int | str | None = None
    weights: int | str | None = None
    connections: int | str | None = None
    macs: int | str | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """What papers print of one network.

    Args:
        rows: A `PaperRow` for each layer or stage, and the totals last, each as one place of the
            paper prints it.
        variant: What tells this network from others of the paper: `"configuration D"`.
        paper: Citation of the paper that prints it, if it is not the network's own.
    """

    rows: tuple[PaperRow, ...]
    variant: str = ""
    paper: str = ""


@dataclasses.dataclass(frozen=True)
class Result:
    """One error that a paper prints.

    Args:
        system: What was tested, in the paper's words.
        data: The data set, and which part of it.
        protocol: How an image was looked at: `"10 crops"`, `"dense"`; empty where the paper does
            not say, and for digits, which are looked at once.
        top1, top5: Error of the one best and of the five best classes, in percent, or `None`
            where the paper prints none.
        source: Where the paper prints it: `"Table 1"`.
        network: Name of the network, as in `keras_classics.names`, or `None` of a system that the
            paper compares with.
        models: Number of networks whose scores were averaged; `None`: several.
        note: What else the paper says of it.
        paper: Citation of the paper, if it is not the network's own.
    """

    system: str
    data: str
    protocol: str
    top1: float | None
    top5: float | None
    source: str
    network: str | None = None
    _: dataclasses.KW_ONLY
    models: int | None = 1
    note: str = ""
    paper: str = ""


@dataclasses.dataclass(frozen=True)
class Training:
    """What trained a network, as its paper says.

    Args:
        hardware: The machine.
        time: How long it took, in the paper's unit, or `None` where the paper does not say.
        source: Where the paper says so.
    """

    hardware: str
    time: str | None
    source: str


@dataclasses.dataclass(frozen=True)
class Winner:
    """An entry of the ImageNet challenge (ILSVRC).

    Args:
        year: Year of the challenge.
        team: Who or what it was.
        top5: Its error of the five best classes in the test, in percent, without other data.
        source: Where it is printed.
        network: Name of the network, as in `keras_classics.names`, or `None`.
        layers: Its layers with weights, where no network here tells them; `None`: shallow.
    """

    year: int
    team: str
    top5: float
    source: str
    network: str | None = None
    layers: int | None = None


class Results(tuple[Result, ...]):
    """Errors that papers print, which print as a table."""

    def rows(self) -> list[tuple]:
        """The cells of the table, its head first. Columns that say nothing are left out."""
        head = ("system", "data", "looked at", "top-1", "top-5", "source")
        rows = [
            (
                r.system,
                r.data,
                r.protocol,
                r.top1,
                r.top5,
                ", ".join(filter(None, (r.paper, r.source))),
            )
            for r in self
        ]
        said = [any(row[k] not in (None, "") for row in rows) for k in range(len(head))]
        return [
            tuple(cell for cell, says in zip(row, said, strict=True) if says)
            for row in (head, *rows)
        ]

    def notes(self) -> list[str]:
        """What else the papers say, one line for each system."""
        return [f"{result.system}: {result.note}." for result in self if result.note]

    def __repr__(self):
        rows = self.rows()
        errors = [k for k, name in enumerate(rows[0]) if name.startswith("top-")]
        return "\n".join([tables.aligned(rows, right=errors), *self.notes()])


@arguments(name=TEXT)
def results(name: str) -> Results:
    """Finds the errors that papers print of a network, or all that one paper prints.

    Args:
        name: Name of a paper's file, `"vgg"`: all errors of that paper, also of systems that it
            compares with. Or name of a network, in any spelling: its errors, its own paper's
            first.

    Returns:
        A tuple of `Result`, which prints as a table.

    Raises:
        ValueError: If there is no such network or paper.

    Example:

    ```python
    import keras_classics as kc

    print(kc.analysis.results("googlenet"))
    best = min(result.top5 for result in kc.analysis.results("vgg16"))
    print(best)  # 7.2
    ```
    """
    paper = next((key for key in names.PAPERS if names.reduced(key) == names.reduced(name)), None)
    if paper:
        return Results(_of_paper(paper))
    network = names.find(name)
    found = [result for result in _of_paper(network.paper) if result.network == network.name]
    for key in names.PAPERS:
        if key != network.paper:
            title = names.PAPERS[key].title
            found += [
                dataclasses.replace(result, paper=result.paper or title)
                for result in _of_paper(key)
                if result.network == network.name
            ]
    return Results(found)


def training(name: str) -> Training | None:
    """Finds what trained a network, by its name; `None` where its paper does not say."""
    network = names.find(name)
    return getattr(_file(network.paper), "TRAININGS", {}).get(network.name)


def entries() -> list[Winner]:
    """The winners of the ImageNet challenge, by year."""
    found = [winner for key in names.PAPERS for winner in getattr(_file(key), "WINNERS", ())]
    return sorted(found, key=lambda winner: winner.year)


def _of_paper(paper: str) -> Iterable[Result]:
    return getattr(_file(paper), "RESULTS", ())


def _file(paper):
    """The module of a paper, or `None`."""
    module = f"{__name__}.{paper}"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def table(name: str) -> Table | None:
    """Finds what papers print of a network.

    Args:
        name: Name of the network, in any spelling that `names.find` takes: `"vgg16"`.

    Returns:
        A `Table`, or `None` if no paper prints one of this network.

    Raises:
        ValueError: If there is no network of this name.

    Example:

    ```python
    from keras_classics import analysis

    total = analysis.table("resnet-50").rows[-1]
    print(total.macs, total.source)  # 3.8 billion Table 1
    ```
    """
    network = names.find(name)
    return getattr(_file(network.paper), "TABLES", {}).get(network.name)


# With K for 1,024 GoogLeNet's "112K" and "1000K" are exactly the weights; no other paper prints K.
SCALES = {"K": 1_024, "thousand": 10**3, "M": 10**6, "million": 10**6, "billion": 10**9}


def agrees(number: int | None, printed: int | str | None) -> bool:
    """Compares a number with a printed one.

    Args:
        number: The network's number.
        printed: The paper's: an integer, a text such as `"0.27M"`, or `None`.

    Returns:
        Whether they agree: exactly, or with a text within one unit of its last digit, since
        papers both round and truncate. All numbers agree with `None`.
    """
    if printed is None or isinstance(printed, int):
        return printed in (None, number)
    digits, scale = re.fullmatch(r"([\d.]+) ?(\w+)", printed).groups()  # type: ignore[union-attr]
    shift = 10 ** len(digits.partition(".")[2])
    return abs(number * shift - int(digits.replace(".", "")) * SCALES[scale]) <= SCALES[scale]
