"""What the server of `processes.py` imports: all that its children need, and no computation."""

import importlib
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# Keras would import them: a third of the start.
sys.modules.update(dict.fromkeys(("jax", "matplotlib", "sklearn")))

import keras  # noqa: E402, F401

for name in ("job", "replica"):
    importlib.import_module(f"tests.training.{name}")
for name in ("h5py", "keras_classics.training.trainer"):
    importlib.import_module(name)
