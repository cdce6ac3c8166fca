"""Library by network by direction: how far our outputs are from the library's. One command:

    python -m tests.weights.matrix

It runs the tests that compare them, and writes the table into docs/weights.md: the largest
difference of all cases, as a share of how far the images' outputs differ.
"""

import pathlib
import re
import sys

import pytest

from keras_classics.tables import markdown

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "weights.md"
HEAD = ("library", "network", "read", "written")
TABLE = re.compile(r"(?<=<!-- made by python -m tests.weights.matrix -->\n\n)(\|.*\n)*")


class Agreements:
    """A plugin of pytest that keeps what `agree` measured in tests that passed."""

    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        for name, value in report.user_properties if report.passed else ():
            if name == "agrees" and report.when == "call":
                library, network, way, error = value
                errors = self.found.setdefault((library, network), {})
                errors[way] = max(errors.get(way, 0.0), error)

    def table(self):
        rows = [
            (f"`{library}`", network, *(_written(errors.get(way)) for way in HEAD[2:]))
            for (library, network), errors in sorted(self.found.items())
        ]
        return markdown([HEAD, *rows]) + "\n"


def _written(error):
    return "" if error is None else f"{error:.0e}"


def rows():
    """The rows of the table in the docs: `{(library, network): {"read": text, ...}}`."""
    lines = TABLE.search(DOCS.read_text()).group().splitlines()[2:]
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return {tuple(row[:2]): dict(zip(HEAD[2:], row[2:], strict=True)) for row in cells}


def main(arguments):
    plugin = Agreements()
    code = pytest.main([str(pathlib.Path(__file__).parent), *arguments], plugins=[plugin])
    print(plugin.table())
    if code == 0:
        DOCS.write_text(TABLE.sub(lambda match: plugin.table(), DOCS.read_text()))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
