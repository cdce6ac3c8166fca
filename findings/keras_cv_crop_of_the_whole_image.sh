#!/usr/bin/env bash
# KerasCV's RandomCropAndResize of a whole image is not the image resized.
#
# Guess: with an area of 1 the layer does what Resizing does: samples lie at the middles of pixels.
# Seen (KerasCV 0.9.0, Keras 3.15.1, TensorFlow 2.21.0): the corners are aligned. Columns 0 to 3, twice as wide, come out as
# 0, 0.43, 0.86 ... 3, and resized as 0, 0.25, 0.75 ... 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras-cv==0.9.0 keras==3.15.1 tensorflow==2.21.0
cat >"$folder/crop.py" <<'PYTHON'
import keras
import keras_cv
import numpy as np

image = np.broadcast_to(np.arange(4, dtype="float32")[None, :, None], (4, 4, 3))[None]
crop = keras_cv.layers.RandomCropAndResize((8, 8), (1.0, 1.0), (1.0, 1.0))(image)
rows = {}
for name, out in (("crop", crop), ("resized", keras.layers.Resizing(8, 8)(image))):
    rows[name] = np.asarray(out)[0, 0, :, 0]
    print(name, rows[name].round(2))
assert np.allclose(rows["crop"], np.linspace(0, 3, 8), atol=1e-4)
assert np.allclose(rows["resized"], np.clip(np.arange(8) / 2 - 0.25, 0, 3), atol=1e-4)
PYTHON
KERAS_BACKEND=tensorflow "$folder/venv/bin/python" "$folder/crop.py"
