#!/usr/bin/env bash
# Keras 3 layers cannot have a constructor that is decorated by `functools.wraps`.
#
# Guess: a decorator that passes `*args, **kwargs` on, with `functools.wraps`, changes nothing.
# Seen (Keras 3.15.1 on JAX 0.10.2): making the layer ends in "IndexError: list index out of range",
# since Keras takes the first name of `inspect.getfullargspec`, which does not look through the
# decorator. With `__signature__` set on the wrapper the layer is made.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/wrapped.py" <<'PYTHON'
import functools
import inspect
import sys

import keras


def passed_on(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def with_signature(function):
    call = passed_on(function)
    call.__signature__ = inspect.signature(function)
    return call


def outcome(decorate):
    class Scale(keras.layers.Layer):
        @decorate
        def __init__(self, factor=2.0):
            super().__init__()
            self.factor = factor

    try:
        return Scale(3.0).factor
    except IndexError as error:
        return f"IndexError: {error}"


found = [outcome(each) for each in (lambda f: f, passed_on, with_signature)]
print(f"Keras {keras.__version__} on {keras.backend.backend()}: {found}")
sys.exit(found != [3.0, "IndexError: list index out of range", 3.0])
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" "$folder/venv/bin/python" "$folder/wrapped.py"
