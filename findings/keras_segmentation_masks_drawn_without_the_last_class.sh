#!/usr/bin/env bash
# Keras's draw_segmentation_masks leaves out the last class, and blackens the background.
#
# Guess: classes 1 to `num_classes` are drawn over the image, as its documentation says, 0 is the background, and
# without `num_classes` all that occur.
# Seen (Keras 3.15.1): classes 0 to `num_classes` - 1 are drawn, and the largest that occurs is taken for their
# number. Of a mask with 0, 1 and 2 the second class stays as in the image, and 0 is painted black unless it is
# `ignore_index`. A `color_mapping` of 1 and 2 raises a KeyError of 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/masks.py" <<'PYTHON'
import keras
import numpy as np

draw = keras.visualization.draw_segmentation_masks
image = np.full((1, 1, 3, 3), 200.0, "float32")
mask = np.array([0, 1, 2]).reshape(1, 1, 3, 1)
for arguments in ({}, {"num_classes": 2}, {"num_classes": 3}, {"num_classes": 3, "ignore_index": 0}):
    out = np.asarray(draw(image, mask, alpha=1.0, **arguments))[0, 0]
    print(arguments, out.tolist())
    kept = [bool(np.all(pixel == 200)) for pixel in out]
    assert kept == [arguments.get("ignore_index") == 0, False, arguments.get("num_classes") != 3]
    assert kept[0] or not out[0].any()
try:
    draw(image, mask, num_classes=2, color_mapping={1: (255, 0, 0), 2: (0, 255, 0)})
except KeyError as error:
    print("KeyError", error)
else:
    raise AssertionError("drawn")
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/masks.py"
