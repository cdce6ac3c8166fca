#!/usr/bin/env bash
# Keras's RandomShear shears about the first pixel of an image, not about its middle.
#
# Guess: the middle stays where it is, as of RandomRotation and RandomZoom.
# Seen (Keras 3.15.1): the first row stays, and the middle of 33 rows moves by 4 columns at a factor of 0.25: what is
# drawn in the middle is sheared and moved aside at once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/shear.py" <<'PYTHON'
import keras
import numpy as np

image = np.zeros((1, 33, 33, 1), "float32")
image[0, 16, 16] = image[0, 0, 10] = 100.0
for layer, move in (
    (keras.layers.RandomRotation((0.1, 0.1), fill_mode="constant", seed=1), 0),
    (keras.layers.RandomShear(x_factor=(0.25, 0.25), fill_mode="constant", seed=1), 4),
):
    out = np.asarray(layer(image, training=True))[0, :, :, 0]
    middle = int(out[16].argmax())
    print(type(layer).__name__, "the middle is now in column", middle, "the first row is", out[0, 10])
    assert abs(middle - 16) == move
assert out[0, 10] == 100.0
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/shear.py"
