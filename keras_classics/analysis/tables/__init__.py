"""The numbers that papers print of their networks: a file a paper, as in `names.PAPERS`.

Such a file has `TABLES`, from the names of networks to what the paper prints of them.
"""

import dataclasses
import importlib
import importlib.util
import re

from keras_classics import names


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
        rows: A `PaperRow` for each layer or stage, and the total last.
        variant: What tells this network from others of the paper: `"configuration D"`.
        paper: Citation of the paper that prints it, if it is not the network's own.
    """

    rows: tuple[PaperRow, ...]
    variant: str = ""
    paper: str = ""


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
    module = f"{__name__}.{network.paper}"
    if importlib.util.find_spec(module) is None:
        return None
    return importlib.import_module(module).TABLES.get(network.name)


# With K for 1,024 GoogLeNet's "112K" and "1000K" are exactly the weights; no other paper prints K.
SCALES = {"K": 1_024, "M": 10**6, "million": 10**6, "billion": 10**9}


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
