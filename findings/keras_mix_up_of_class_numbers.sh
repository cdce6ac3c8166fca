#!/usr/bin/env bash
# Keras's MixUp makes a square matrix of the class numbers of a batch.
#
# Guess: class numbers are refused, since two of them cannot be mixed; or they become rows of probabilities.
# Seen (Keras 3.15.1): n numbers come out as n rows of n, on JAX of integers as well. A row has the class numbers of
# all images or what lies between them, no probabilities, and nothing says from which image it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/mix.py" <<'PYTHON'
import keras
import numpy as np

labels = np.array([3, 1, 4, 2])
batch = {"images": np.zeros((4, 8, 8, 3), "float32"), "labels": labels}
mixed = np.asarray(keras.layers.MixUp(alpha=1.0, seed=1)(batch, training=True)["labels"])
print(mixed)
assert mixed.shape == (4, 4)
# A row: the numbers of all images, mixed with the same in another order.
assert not np.allclose(mixed.sum(axis=1), 1.0)
assert np.allclose(mixed.sum(axis=1), labels.sum())
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/mix.py"
