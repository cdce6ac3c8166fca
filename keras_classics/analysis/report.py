"""The paper's table beside the model's."""

import math

from keras_classics.analysis.count import count
from keras_classics.analysis.papers import PAPERS, agrees

# A row's numbers and the heads of their columns.
NUMBERS = {
    "units": "units",
    "parameters": "parameters",
    "weights": "weights",
    "connections": "connections",
    "macs": "mult-adds",
}


def report(model, network=None):
    """Prints a model's layers into a table beside the numbers of its paper.

    A row ends in `=` where the output and every number that the paper prints are
    the model's, and in `differs` with what is known of the reason where they are not.
    A paper's layer that Keras needs several layers for (`H1_border`, `H1_kernels`,
    `H1`) is one row, and so is a stage of blocks (`conv2_x`).

    Args:
        model: A model of one of the papers' networks.
        network: The paper's network, as `keras-classics list` names it. Default:
            the model's name.

    Returns:
        The table, a string of several lines.
    """
    network = model.name if network is None else network
    if network not in PAPERS:
        raise ValueError(f"There is no paper for {network!r}; there are {', '.join(PAPERS)}.")
    paper = PAPERS[network]
    rows = count(model)
    printed = [n for n in NUMBERS if any(getattr(row, n) is not None for row in paper.rows)]
    shown = [n for n in NUMBERS if n in printed or n in ("parameters", "macs")]
    head = ["layer", "output"]
    for number in shown:
        head += [NUMBERS[number], "paper"] if number in printed else [NUMBERS[number]]
    lines = [[*head, "", "source"]]
    for expected in paper.rows:
        mine, shape = _part(rows, expected.name)
        numbers = {n: sum(getattr(row, n) for row in mine) for n in shown if n != "units"}
        numbers["units"] = math.prod(shape) if shape else None
        same = shape == expected.output_shape and all(
            agrees(numbers[n], getattr(expected, n)) for n in shown
        )
        line = [expected.name, "x".join(map(str, shape or ()))]
        for number in shown:
            line.append(_text(numbers[number]))
            if number in printed:
                line.append(_text(getattr(expected, number)))
        reason = expected.source if same else expected.note or _reason(expected, mine, shape)
        lines.append([*line, "=" if same else "differs", reason])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = (0, 1, len(widths) - 2, len(widths) - 1)
    text = [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([f"{network}: {paper.title}", "", *text])


def _part(rows, name):
    """The model's layers that make up a paper's layer, and its output's shape."""
    if name == "total":
        return rows, None
    start = name.removesuffix("_x")  # conv2_x ends a stage of layers conv2_1_..., conv2_2_...
    mine = [row for row in rows if row.name == name or row.name.startswith(f"{start}_")]
    return mine, mine[-1].output_shape if mine else None


def _text(number):
    return f"{number:,}" if isinstance(number, int) else number or ""


def _reason(expected, mine, shape):
    """Why a row differs, as far as the model itself tells."""
    if not mine:
        return f"the model has no layer {expected.name}"
    if shape != expected.output_shape:
        return f"the paper's output is {'x'.join(map(str, expected.output_shape))}"
    return "not the paper's wiring or sharing"
