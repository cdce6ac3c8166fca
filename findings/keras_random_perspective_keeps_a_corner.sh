#!/usr/bin/env bash
# Keras's RandomPerspective never moves the first corner of an image.
#
# Guess: all four corners move at random, by up to the scale times half the side, as in torchvision.
# Seen (Keras 3.15.1): each coordinate of a corner is multiplied by a random factor, and those of the first corner
# are 0. It stays, the second corner stays in the first row, and the third in the first column; the last alone
# moves freely.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/perspective.py" <<'PYTHON'
import keras
import numpy as np

layer = keras.layers.RandomPerspective(factor=(1.0, 1.0), scale=0.5, seed=3)
images = np.zeros((100, 33, 33, 3), "float32")
drawn = layer.get_random_transformation(images)
moved = np.abs(np.asarray(drawn["end_points"]) - np.asarray(drawn["start_points"])).max(axis=0)
print("farthest move of each corner, x and y:", moved.round(1).tolist())
assert np.all(moved[[0, 0, 1, 2], [0, 1, 1, 0]] == 0)
assert np.all(moved[[1, 2, 3, 3], [0, 1, 0, 1]] > 5)
images[:, 0, 0] = 100.0
kept = np.asarray(layer(images, training=True))[:, 0, 0]
print("the first pixel, 100 before:", kept.min(), "to", kept.max())
assert np.allclose(kept, 100.0, atol=0.01)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/perspective.py"
