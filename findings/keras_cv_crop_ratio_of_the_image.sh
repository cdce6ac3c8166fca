#!/usr/bin/env bash
# KerasCV's RandomCropAndResize takes the ratio of a crop relative to that of the image.
#
# Guess: the ratio is width over height in pixels, as in GoogLeNet's crops and torchvision's RandomResizedCrop: with a
# ratio of 1 every crop is square.
# Seen (KerasCV 0.9.0, Keras 3.15.1, TensorFlow 2.21.0): with a ratio of 1 a quarter of an image of 100x200 is 50x100, and
# it is squeezed into the square target.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras-cv==0.9.0 keras==3.15.1 tensorflow==2.21.0
cat >"$folder/crop.py" <<'PYTHON'
import keras_cv
import numpy as np

row, column = np.indices((100, 200), dtype="float32")
image = np.stack([row, column, row], axis=-1)[None]
layer = keras_cv.layers.RandomCropAndResize((64, 64), (0.25, 0.25), (1.0, 1.0), seed=1)
crop = np.asarray(layer(image))[0]
high, wide = np.ptp(crop[..., 0]), np.ptp(crop[..., 1])
print("a crop of ratio 1 is", round(float(high)), "high and", round(float(wide)), "wide")
assert abs(high - 50) < 1 and abs(wide - 100) < 1
PYTHON
KERAS_BACKEND=tensorflow "$folder/venv/bin/python" "$folder/crop.py"
