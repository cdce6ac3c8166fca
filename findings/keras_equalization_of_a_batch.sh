#!/usr/bin/env bash
# Keras's Equalization counts the grey levels of the whole batch: an image depends on its neighbours.
#
# Guess: each image of a batch is equalized by its own histogram, as Pillow's ImageOps.equalize does with
# one image. So it comes out the same alone and in any batch.
# Seen (Keras 3.15.1): a dark image alone is stretched to 0 to 255. Beside a bright one it stays in the
# lower half of the scale, 0 to 124, and the bright one in the upper half.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/equalize.py" <<'PYTHON'
import keras
import numpy as np

draws = np.random.default_rng(0)
dark = draws.integers(0, 100, (8, 8, 1)).astype("float32")
bright = draws.integers(150, 256, (8, 8, 1)).astype("float32")
layer = keras.layers.Equalization(value_range=(0, 255))
alone = np.asarray(layer(dark[None]))[0]
beside = np.asarray(layer(np.stack([dark, bright])))[0]
print("alone", alone.min(), alone.max(), "beside a bright one", beside.min(), beside.max())
assert (alone.min(), alone.max()) == (0, 255)
assert (beside.min(), beside.max()) == (0, 124)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/equalize.py"
