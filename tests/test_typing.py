"""What is public is annotated, and the package says so to type checkers."""

import inspect
import pathlib
import tomllib

import pytest

import keras_classics
from tests import public

ROOT = pathlib.Path(keras_classics.__file__).parents[1]
FREE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def missing(function):
    """The parameters of a function that have no annotation, and `return`."""
    signature = inspect.signature(function)
    found = [
        name
        for index, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.annotation is parameter.empty
        and parameter.kind not in FREE
        and not (index == 0 and name in ("self", "cls"))
    ]
    if function.__name__ != "__init__" and signature.return_annotation is signature.empty:
        found.append("return")
    return found


@pytest.mark.parametrize("name", public.faces())
def test_annotated(name):
    value = public.faces()[name]
    if inspect.isclass(value):
        start = value.__init__
        assert not public.is_own(start) or not missing(start)
    else:
        assert not missing(value)


def test_the_types_are_shipped():
    assert (ROOT / "keras_classics" / "py.typed").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "py.typed" in settings["package-data"]["keras_classics"]


def test_what_is_not_annotated_is_found():
    def function(self, a: int, b, *arguments, c=1, **others):
        pass

    assert missing(function) == ["b", "c", "return"]
