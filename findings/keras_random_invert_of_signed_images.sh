#!/usr/bin/env bash
# Keras's RandomInvert takes images from -1 to 1 out of their range.
#
# Guess: with `value_range=(-1, 1)` a pixel x becomes -x: the range reversed.
# Seen (Keras 3.15.1): it becomes 1 - x, between 0 and 2: the lower end of the range is not looked at.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/invert.py" <<'PYTHON'
import keras
import numpy as np

image = np.array([-1.0, 0.0, 1.0], "float32").reshape(1, 1, 1, 3)
for low, expected in ((0, [2.0, 1.0, 0.0]), (-1, [2.0, 1.0, 0.0])):
    out = keras.layers.RandomInvert((1.0, 1.0), value_range=(low, 1))(image, training=True)
    print((low, 1), image.ravel(), "becomes", np.asarray(out).ravel())
    assert np.allclose(np.asarray(out).ravel(), expected)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/invert.py"
