"""The paper's table beside the network's numbers."""

import dataclasses
import math

import keras

from keras_classics import backend, models, names, tables
from keras_classics.analysis.counting import Row, count
from keras_classics.analysis.tables import PaperRow, Table, agrees, table
from keras_classics.checks import MODEL, TEXT, arguments, either, optional

# The numbers of a row, and the heads of their columns.
NUMBERS = {
    "units": "units",
    "parameters": "parameters",
    "weights": "weights",
    "connections": "connections",
    "macs": "mult-adds",
}
ALWAYS = ("parameters", "macs")  # are shown even where the paper prints none


@arguments(model=either(TEXT, MODEL), network=optional(TEXT))
def report(model: keras.Model | str, network: str | None = None, fields: bool = False) -> str:
    """Writes the numbers of a network's layers into a table, beside those that its paper prints.

    A row ends in `=` where the output's shape and all numbers that the paper prints are the
    network's. Elsewhere it ends in `differs` and the reason, as far as it is known. A paper's
    layer that takes several layers of Keras (`H1_border`, `H1_kernels`, `H1`) is one row, and so
    is a stage of blocks (`conv2_x`).

    A unit that adds up its window and multiplies the sum, as in the LeNets' subsampling, counts as
    one multiply-add: LeNet-5 has 328,096, LeNet-1 92,288. With one for each of its four inputs,
    LeNet-1 has 94,592.

    Where no paper prints numbers of the network, the table has a row for each layer, and the
    network's numbers alone.

    Args:
        model: A network of known input shape; or the name of one, as `names.find` takes it, of
            which only the shapes are built.
        network: Name of the network whose table is taken, as `names.find` takes it. Default: the
            model's own name.
        fields: Whether the table has, in place of the numbers, what a unit of each layer sees of
            the image: size, step and padding of its field, as `analysis.Row` has them.

    Returns:
        The table, several lines.

    Raises:
        ValueError: If there is no network of the given name, or a layer cannot be counted.

    Example:

    ```python
    import keras_classics as kc

    print(kc.analysis.report("lenet5"))

    model = kc.applications.LeNet5(head="softmax", name="mine")
    print(kc.analysis.report(model, "lenet5"))  # RBF differs
    print(kc.analysis.report("vgg16", fields=True))
    ```
    """
    if isinstance(model, str):
        name = names.find(model).name
        network = network or name
        model = backend.without_values(models.build, name)
    if network is None:
        title, printed = _own_table(model.name)
    else:
        title, printed = _title(network), table(network)
    rows = count(model)
    if fields:
        return f"{title}\n\n{_fields(rows, printed)}"
    if printed is None:
        return f"{title}\n\n{_counts(rows)}"
    return f"{title}\n\n{_compared(rows, printed)}"


def _own_table(name):
    """The title and the table of a model by its own name, which need not be a network's."""
    try:
        return _title(name), table(name)
    except ValueError:
        return f"{name}: no network of a paper has this name; `network` names its table", None


def _title(name):
    network, printed = names.find(name), table(name)
    paper = names.PAPERS[network.paper].title
    if printed is None:
        return f"{network.name}: {paper}, which prints no numbers of it"
    variant = printed.variant and f", {printed.variant}"
    return f"{network.name}: {printed.paper or paper}{variant}"


def _counts(rows):
    lines = [["layer", "output", *(NUMBERS[number] for number in ALWAYS)]]
    for row in rows:
        numbers = [_text(getattr(row, number)) for number in ALWAYS]
        lines.append([row.name, _shape(row.output_shape), *numbers])
    totals = [_text(sum(getattr(row, number) for row in rows)) for number in ALWAYS]
    lines.append(["total", None, *totals])
    return tables.aligned(lines, right=(2, 3))


def _fields(rows, printed):
    """What the units of the paper's layers see, or of all layers without a table."""
    if printed is not None:
        names_of_layers = [row.name for row in printed.rows if row.name != "total"]
        parts = ((name, _part(rows, name)[0]) for name in names_of_layers)
        rows = [dataclasses.replace(part[-1], name=name) for name, part in parts if part]
    lines = [["layer", "output", "sees", "step", "padding"]]
    for row in rows:
        seen = (_shape(row.receptive_field) or "all", _shape(row.stride), _shape(row.padding))
        lines.append([row.name, _shape(row.output_shape), *seen])
    return tables.aligned(lines, right=(2, 3, 4))


def _compared(rows: list[Row], printed: Table) -> str:
    in_paper = [n for n in NUMBERS if any(getattr(row, n) is not None for row in printed.rows)]
    shown = [n for n in NUMBERS if n in in_paper or n in ALWAYS]
    head = ["layer", "output"]
    for number in shown:
        head += [NUMBERS[number], "paper"] if number in in_paper else [NUMBERS[number]]
    lines = [[*head, None, "source"]]
    for expected in printed.rows:
        mine, shape = _part(rows, expected.name)
        numbers = {n: sum(getattr(row, n) for row in mine) for n in shown if n != "units"}
        numbers["units"] = math.prod(shape) if shape else None
        same = shape == expected.output_shape and all(
            agrees(numbers[n], getattr(expected, n)) for n in shown
        )
        line = [expected.name, _shape(shape)]
        for number in shown:
            line.append(_text(numbers[number]))
            if number in in_paper:
                line.append(_text(getattr(expected, number)))
        reason = expected.source if same else expected.note or _reason(expected, mine, shape)
        lines.append([*line, "=" if same else "differs", reason])
    return tables.aligned(lines, right=range(2, len(lines[0]) - 2))


def _part(rows, name):
    """The model's layers that make up a paper's layer, and the shape of their output."""
    if name == "total":
        return rows, None
    start = name.removesuffix("_x")  # conv2_x ends a stage of layers conv2_1_..., conv2_2_...
    mine = [row for row in rows if row.name == name or row.name.startswith(f"{start}_")]
    return mine, mine[-1].output_shape if mine else None


def _shape(shape):
    return "x".join(map(str, shape or ()))


def _text(number):
    return f"{number:,}" if isinstance(number, int) else number


def _reason(expected: PaperRow, mine, shape):
    """Why a row differs, as far as the model itself tells."""
    if not mine:
        return f"the model has no layer {expected.name}"
    if shape != expected.output_shape:
        return f"the paper's output is {_shape(expected.output_shape)}"
    return "not the paper's wiring or sharing"
