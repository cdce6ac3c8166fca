"""What the tests of the networks share."""

import pathlib
import runpy
import types

import keras
import pytest


@pytest.fixture(autouse=True)
def memory():
    """Gives back what a network took: some take a gigabyte, and Keras keeps hold of it."""
    yield
    keras.backend.clear_session()  # collects garbage, too


@pytest.fixture(scope="session")
def twins():
    """The networks in plain PyTorch."""
    pytest.importorskip("torch", reason="needs PyTorch, for networks to compare with")
    return types.SimpleNamespace(
        **runpy.run_path(str(pathlib.Path(__file__).with_name("twins.py")))
    )
