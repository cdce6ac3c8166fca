"""The paper's table beside the model's."""

from keras_classics.analysis.count import count
from keras_classics.analysis.papers import PAPERS

HEAD = ("layer", "output", "parameters", "paper", "connections", "paper", "mult-adds", "", "source")


def report(model, network=None):
    """Prints a model's layers into a table beside the numbers of its paper.

    A row ends in `=` where output, parameters and connections are the paper's, and
    in `differs` with what is known of the reason where they are not. A paper's layer
    that Keras needs several layers for (`H1_border`, `H1_kernels`, `H1`) is one row.

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
    lines = [HEAD]
    for expected in paper.rows:
        if expected.name == "total":
            mine = rows
            shape = None
        else:
            prefix = f"{expected.name}_"
            mine = [r for r in rows if r.name == expected.name or r.name.startswith(prefix)]
            shape = mine[-1].output_shape if mine else None
        parameters, connections, macs = (
            sum(getattr(row, number) for row in mine)
            for number in ("parameters", "connections", "macs")
        )
        same = (shape, parameters, connections) == (
            expected.output_shape,
            expected.parameters,
            expected.connections,
        )
        lines.append(
            (
                expected.name,
                "x".join(map(str, shape)) if shape else "",
                f"{parameters:,}",
                f"{expected.parameters:,}",
                f"{connections:,}",
                f"{expected.connections:,}",
                f"{macs:,}",
                "=" if same else "differs",
                expected.source if same else expected.note or _reason(expected, mine, shape),
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    left = (0, 1, 7, 8)
    text = [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([f"{network}: {paper.title}", "", *text])


def _reason(expected, mine, shape):
    """Why a row differs, as far as the model itself tells."""
    if not mine:
        return f"the model has no layer {expected.name}"
    if shape != expected.output_shape:
        return f"the paper's output is {'x'.join(map(str, expected.output_shape))}"
    return "not the paper's wiring or sharing"
