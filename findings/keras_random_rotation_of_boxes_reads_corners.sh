#!/usr/bin/env bash
# Keras's RandomRotation takes boxes of any format for corners in pixels.
#
# Guess: boxes come in the format that `bounding_box_format` names, are rotated, and go out in the same: a rotation
# by no angle leaves them as they are, as it leaves the image.
# Seen (Keras 3.15.1): they are not converted as they come in. A box of left 20, top 16, width 40 and height 24
# goes out with width 20 and height 8, and one in fractions of the image shrinks to a point. Corners in pixels,
# "xyxy", are right. RandomFlip and RandomTranslation convert all formats.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/rotation.py" <<'PYTHON'
import keras
import numpy as np

corners = np.array([[[20, 16, 60, 40]]], "float32")
images = np.zeros((1, 64, 96, 3), "float32")


def moved(layer, form, **arguments):
    boxes = keras.utils.bounding_boxes.convert_format(corners, "xyxy", form, height=64, width=96)
    layer = layer(bounding_box_format=form, **arguments)
    data = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": np.array([[1]])}}
    out = layer(data, training=True)["bounding_boxes"]["boxes"]
    print(layer.name, form, np.asarray(boxes)[0, 0], "->", np.asarray(out)[0, 0])
    return np.asarray(boxes)[0, 0], np.asarray(out)[0, 0]


still = {"factor": (0.0, 0.0)}
before, after = moved(keras.layers.RandomRotation, "xyxy", **still)
assert np.allclose(before, after, atol=1e-3)
before, after = moved(keras.layers.RandomRotation, "xywh", **still)
assert np.allclose(before, [20, 16, 40, 24]) and np.allclose(after, [20, 16, 20, 8], atol=1e-3)
before, after = moved(keras.layers.RandomRotation, "rel_xyxy", **still)
assert np.allclose(before, [20 / 96, 0.25, 0.625, 0.625]) and np.all(after < 0.02)
for form in ("xywh", "rel_xyxy"):
    still = {"height_factor": (0.0, 0.0), "width_factor": (0.0, 0.0)}
    before, after = moved(keras.layers.RandomTranslation, form, **still)
    assert np.allclose(before, after, atol=1e-3)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/rotation.py"
