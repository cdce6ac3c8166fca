"""The examples in docstrings run as they stand, and nothing public is without one."""

import inspect
import re
import socket
import textwrap

import keras
import pytest

from tests import public

BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# Words for people who add a name here: what it is that cannot be shown in a few lines.
WITHOUT = {
    "keras_classics.analysis.Decision": "a part of what `rejection` returns",
    "keras_classics.analysis.Milestone": "a part of what `timeline` returns",
    "keras_classics.analysis.Result": "a part of what `results` returns",
    "keras_classics.analysis.Results": "what `results` returns",
    "keras_classics.analysis.Row": "what `count` returns",
    "keras_classics.analysis.Timeline": "what `timeline` returns",
    "keras_classics.classifier": "it downloads weights",
    "keras_classics.datasets.Split": "a protocol",
    "keras_classics.names.Network": "what `find` returns",
}


def examples(value):
    """The fenced blocks of Python in a docstring."""
    return [
        textwrap.dedent(found[2]).strip() for found in BLOCK.finditer(inspect.getdoc(value) or "")
    ]


def own_doc(value):
    """Whether the docstring is the object's own and not its parent's."""
    return bool(getattr(value, "__doc__", None))


ALL = [
    pytest.param(source, id=f"{name}-{index}" if index else name)
    for name, value in public.documented().items()
    if own_doc(value)
    for index, source in enumerate(examples(value))
]


@pytest.fixture
def offline(monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"An example opens a connection, to {address}.")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("source", ALL)
def test_an_example_runs(source, tmp_path, monkeypatch, offline):
    monkeypatch.chdir(tmp_path)
    policy = keras.config.dtype_policy()
    try:
        exec(compile(source, "example", "exec"), {"__name__": "__main__"})
    finally:
        keras.config.set_dtype_policy(policy)
        keras.backend.clear_session(free_memory=False)


def test_all_that_is_public_has_an_example():
    found = {name for name, value in public.faces().items() if not examples(value)}
    names = {id(value): name for name, value in reversed(public.faces().items())}
    found = {names[id(public.faces()[name])] for name in found}  # once, by its first name
    assert sorted(found) == sorted(WITHOUT)


def test_examples_are_told_apart():
    """A block begins and ends at its fences, and loses its indentation."""

    def function():
        """Words.

        Example:

        ```python
        if True:
            x = 1
        ```

        ```text
        no code
        ```

            ```python
            y = 2
            ```
        """

    assert examples(function) == ["if True:\n    x = 1", "y = 2"]
