"""A light import of Keras, for a process that needs the shapes of networks and no values."""

import importlib.util
import os
import sys

OPTIONAL = ("matplotlib", "sklearn")  # packages that Keras imports if they are installed


def prepare() -> None:
    """Makes the import of Keras as light as it can be. Changes nothing once Keras is imported.

    Keras then runs on NumPy, whatever `KERAS_BACKEND` says. That backend imports JAX and SciPy:
    without them the backend stays as it was. The process cannot import the packages of
    `OPTIONAL` any more.
    """
    if "keras" in sys.modules:
        return
    if all(importlib.util.find_spec(package) for package in ("jax", "scipy")):
        os.environ["KERAS_BACKEND"] = "numpy"
    for package in OPTIONAL:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]  # there is none
