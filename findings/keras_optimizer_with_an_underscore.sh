#!/usr/bin/env bash
# Keras 3 on TensorFlow: an optimizer whose class begins with an underscore cannot train.
#
# Guess: a private subclass of SGD trains as SGD does.
# Seen (Keras 3.15.1, TensorFlow 2.21.0): the optimizer takes its name from the class, and TensorFlow
# refuses it as the name of a scope: `fit` ends in a ValueError. With `name="mine"` it trains.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0
cat >"$folder/train.py" <<'PYTHON'
import sys

import keras
import numpy as np
import tensorflow as tf


class _Mine(keras.optimizers.SGD):
    pass


def trains(**name):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(_Mine(0.1, **name), "mse")
    try:
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    except ValueError as error:
        print(str(error).splitlines()[0])
        return False
    return True


found = trains(), trains(name="mine")
print(f"Keras {keras.__version__}, TensorFlow {tf.__version__}: {found}")
sys.exit(found != (False, True))
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
KERAS_BACKEND=tensorflow KERAS_HOME="$folder" "$folder/venv/bin/python" "$folder/train.py"
