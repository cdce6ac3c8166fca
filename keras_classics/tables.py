"""Text: aligned columns, Markdown, CSV, counted things. This module needs no Keras."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence


def aligned(rows: Iterable[Sequence], right: Iterable[int] = (), gap: str = "  ") -> str:
    """Writes rows of cells as lines of aligned columns.

    Args:
        rows: Rows of equal length. A cell is shown as `str(cell)`, and `None` as nothing.
        right: Numbers of the columns that are aligned right, from 0, or from -1 backwards.
        gap: What stands between two columns.

    Returns:
        The lines, without spaces at their ends.

    Example:

    ```python
    from keras_classics.tables import aligned

    print(aligned([("layer", "units"), ("fc6", 4096), ("predictions", 10)], right=[-1]))
    # layer        units
    # fc6           4096
    # predictions     10
    ```
    """
    rows, widths = _cells(rows)
    right = {column % len(widths) for column in right} if widths else set()
    sides = [str.rjust if column in right else str.ljust for column in range(len(widths))]
    return "\n".join(gap.join(_padded(row, widths, sides)).rstrip() for row in rows)


def markdown(rows: Iterable[Sequence]) -> str:
    """Writes rows of cells as a table in Markdown, whose first row is the head."""
    rows, widths = _cells(rows)
    sides = [str.ljust] * len(widths)
    lines = ["| " + " | ".join(_padded(row, widths, sides)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def write_csv(path: str | os.PathLike, rows: Iterable[Mapping]) -> None:
    """Writes rows `{column: value}` as a CSV file; columns in the order of their first value."""
    rows = list(rows)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number of things in words: `"1 image"`, `"2,000 images"`.

    Args:
        number: How many.
        one: The word for one of them.
        several: The word for several. Default: `one` with an s.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _cells(rows):
    """Rows of text, and the width of each column."""
    rows = [["" if cell is None else str(cell) for cell in row] for row in rows]
    return rows, [max(map(len, column)) for column in zip(*rows, strict=True)]


def _padded(row, widths, sides):
    return [side(cell, width) for cell, width, side in zip(row, widths, sides, strict=True)]
