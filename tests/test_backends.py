"""The quick tests once more on the other backends that are installed, in their own process."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import pytest

HERE = pathlib.Path(__file__).parent
PARTS = [  # each in a process of its own
    ["layers"],
    ["applications"],
    ["datasets", "preprocessing", "training"],
    ["optimizers", "surgery", "test_activations.py", "test_initializers.py", "test_losses.py"],
]


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0])
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_on_another_backend(backend, part):
    if backend == keras.backend.backend():
        pytest.skip(f"all other tests run on {backend}")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "not slow",
            *(str(HERE / name) for name in part),
        ],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout or "[100%]" in done.stdout
