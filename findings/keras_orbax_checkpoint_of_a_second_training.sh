#!/usr/bin/env bash
# Keras's OrbaxCheckpoint keeps nothing of a second training in the same directory.
#
# Guess: as ModelCheckpoint with one path: what is in the directory is the last training.
# Seen (Keras 3.15.1, orbax-checkpoint 0.12.8): checkpoints are numbered by the epoch. After three epochs
# of one network and two of another the directory has the first one's, without an error or a warning;
# load_model gives the first one's weights.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 orbax-checkpoint==0.12.8
cat >"$folder/twice.py" <<'PYTHON'
import sys
import warnings

import keras
import numpy as np

images, targets = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")


def train(value, epochs):
    """A network whose weights are `value`, and stay so, as its rate is 0."""
    start = keras.initializers.Constant(value)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer=start)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    callback = keras.callbacks.OrbaxCheckpoint(sys.argv[1])
    model.fit(images, targets, epochs=epochs, verbose=0, callbacks=[callback])


train(1.0, epochs=3)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    train(5.0, epochs=2)
said = [str(warning.message) for warning in caught if "checkpoint" in str(warning.message).lower()]
kept = np.asarray(keras.saving.load_model(sys.argv[1]).weights[0]).ravel().tolist()
print("weights of the second training: 5.0; kept:", kept, "warnings about checkpoints:", said)
assert kept == [1.0, 1.0] and not said
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/twice.py" "$folder/checkpoints"
