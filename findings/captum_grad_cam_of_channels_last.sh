#!/usr/bin/env bash
# captum's Grad-CAM of a Keras model on PyTorch takes the rows of the maps for their channels.
#
# Guess: LayerGradCam refuses maps of an order that it cannot know, or has an argument for it.
# Seen (captum 0.9.0, Keras 3.15.1, PyTorch 2.13.0): axis 1 is always summed over, and the weights
# are means over all axes behind it. Keras's maps are (batch, rows, columns, channels) by default,
# on PyTorch too: of 4 x 5 positions and 7 channels comes a map of 5 x 7, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 captum==0.9.0
cat >"$folder/cam.py" <<'PYTHON'
import keras
import torch
from captum.attr import LayerGradCam

image = keras.Input((6, 7, 3))
maps = keras.layers.Conv2D(7, 3, activation="relu", name="conv")(image)
scores = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps))
model = keras.Model(image, scores)
found = LayerGradCam(model, model.get_layer("conv")).attribute(torch.rand(1, 6, 7, 3), 1)
print("maps", tuple(maps.shape), "-> Grad-CAM", tuple(found.shape))
assert tuple(found.shape) == (1, 1, 5, 7)
PYTHON
KERAS_BACKEND=torch KERAS_HOME="$folder" "$folder/venv/bin/python" -W ignore "$folder/cam.py"
