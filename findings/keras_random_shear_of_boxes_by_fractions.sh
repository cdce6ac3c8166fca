#!/usr/bin/env bash
# Keras's RandomShear moves boxes by the shear in fractions of the image, the image by the shear in pixels.
#
# Guess: a box becomes the rectangle around what was in it. With a shear of 0.2 along x, a row at the height y
# moves by 0.2 y pixels.
# Seen (Keras 3.15.1): the corners move by 0.2 of y over the height, times the width. In an image of 64x96 that is
# by 1.5 times as much, in one of 96x96 by the same as the image.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/shear.py" <<'PYTHON'
import keras
import numpy as np


def both(height, width):
    image = np.zeros((1, height, width, 3), "float32")
    image[0, 16:40, 30:60] = 255
    shear = {"x_factor": (0.2, 0.2), "y_factor": (0.0, 0.0), "fill_mode": "constant"}
    layer = keras.layers.RandomShear(**shear, seed=2, bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[30, 16, 60, 40]]], "float32"), "labels": np.array([[1]])}
    out = layer({"images": image, "bounding_boxes": boxes}, training=True)
    columns = np.nonzero(np.asarray(out["images"])[0, ..., 0].max(0) > 127)[0]
    seen = np.array([columns.min(), columns.max() + 1])
    said = np.asarray(out["bounding_boxes"]["boxes"])[0, 0, [0, 2]]
    print(f"{height}x{width}: white from {seen[0]} to {seen[1]}, the box from {said[0]:.1f} to {said[1]:.1f}")
    return seen, said


seen, said = both(96, 96)
square = said - [30, 60]
assert np.all(np.abs(seen - said) < 1.5)
seen, said = both(64, 96)
assert np.allclose(np.abs(said - [30, 60]), 1.5 * np.abs(square), atol=0.1)
assert np.abs(seen - said).max() > 2.5
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/shear.py"
