"""The names of weights in other libraries, one paper a file.

A file has the name of its paper in `keras_classics.names.PAPERS`, and a `FAMILY`, which also names
the top. A family without conventions has no published weights.
"""

import functools
import importlib
import pathlib

from keras_classics.names import PAPERS


@functools.cache
def families():
    """The `conventions.Family` of each paper, by the paper's name."""
    files = {path.stem for path in pathlib.Path(__file__).parent.glob("*.py")}
    return {
        paper: importlib.import_module(f"{__name__}.{paper}").FAMILY
        for paper in PAPERS
        if paper in files
    }


def conventions_for(groups):
    """`(family, library, convention)` of each library that has names for all groups of weights."""
    return [
        (family, library, convention)
        for family in families().values()
        for library, convention in family.conventions.items()
        if set(groups) <= set(convention.names(list(groups)))
    ]
