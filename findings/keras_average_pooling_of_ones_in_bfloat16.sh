#!/usr/bin/env bash
# Keras's AveragePooling2D of ones is a quarter, in bfloat16 on JAX.
#
# Guess: a window is averaged with sums in float32, as GlobalAveragePooling2D does it.
# Seen (Keras 3.15.1, JAX 0.10.2, processor): the sum is rounded to bfloat16 after each value, and stays at 256. A
# window of 32x32 ones has the average 0.25, one of 7x7 random numbers from 0.5 to 1.5 is off by as much as 2 %;
# bfloat16 itself rounds by 0.4 %. GlobalAveragePooling2D is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/pooling.py" <<'PYTHON'
import keras
import numpy as np

layers, bfloat16 = keras.layers, {"dtype": "bfloat16"}
ones = keras.ops.ones((1, 32, 32, 1), "bfloat16")
window = float(layers.AveragePooling2D(32, **bfloat16)(ones)[0, 0, 0, 0])
whole = float(layers.GlobalAveragePooling2D(**bfloat16)(ones)[0, 0])
print("32x32 ones:", window, "by GlobalAveragePooling2D", whole)
assert window == 0.25 and whole == 1.0
x = np.random.default_rng(0).uniform(0.5, 1.5, (16, 7, 7, 8)).astype("float32")
x = keras.ops.cast(x, "bfloat16")
true = np.asarray(x, "float64").mean((1, 2)).ravel()
off = [
    np.abs(np.asarray(layer(x), "float64").ravel() / true - 1).max()
    for layer in (layers.AveragePooling2D(7, **bfloat16), layers.GlobalAveragePooling2D(**bfloat16))
]
print("7x7, off by at most", off)
assert off[0] > 0.01 and off[1] < 0.004
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/pooling.py"
