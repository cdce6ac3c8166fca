"""What the tests of the networks share."""

import pathlib
import runpy
import types

import pytest


@pytest.fixture(scope="session")
def twins():
    """The networks in plain PyTorch."""
    pytest.importorskip("torch", reason="needs PyTorch, for networks to compare with")
    return types.SimpleNamespace(
        **runpy.run_path(str(pathlib.Path(__file__).with_name("twins.py")))
    )
