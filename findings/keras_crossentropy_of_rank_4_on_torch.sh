#!/usr/bin/env bash
# Keras on PyTorch cannot train a softmax over maps by the sparse cross-entropy.
#
# Guess: a network that gives each pixel its probabilities, (batch, height, width, classes), trains by
# SparseCategoricalCrossentropy on each backend.
# Seen (Keras 3.15.1, PyTorch 2.13.0): `fit` ends in "RuntimeError: grad_input must be contiguous". The
# same network with scores and from_logits=True trains; and so does a softmax of rank 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0
cat >"$folder/maps.py" <<'PYTHON'
import keras
import numpy as np


def outcome(shape, probabilities):
    keras.utils.set_random_seed(0)
    image = keras.Input((*shape, 5))
    activation = "softmax" if probabilities else None
    model = keras.Model(image, keras.layers.Dense(4, activation)(image))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities)
    model.compile("sgd", loss)
    x = np.random.default_rng(0).random((2, *shape, 5), "float32")
    y = np.arange(2 * np.prod(shape)).reshape(2, *shape) % 4
    try:
        model.fit(x, y, verbose=0)
    except RuntimeError as error:
        return str(error)
    return "trains"


found = [outcome((3, 3), True), outcome((3, 3), False), outcome((9,), True)]
print(found)
assert found == ["grad_input must be contiguous", "trains", "trains"]
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/maps.py"
