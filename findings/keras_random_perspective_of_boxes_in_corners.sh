#!/usr/bin/env bash
# Keras's RandomPerspective gives boxes back as corners in pixels, whatever their format.
#
# Guess: boxes go out in the format that `bounding_box_format` names, as they came in; so do those of RandomFlip.
# Seen (Keras 3.15.1): they are converted to corners, and not back. Fractions come back as pixels, widths as right
# edges, also of an image that is left as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/perspective.py" <<'PYTHON'
import keras
import numpy as np

corners = np.array([[[20, 16, 60, 40]]], "float32")
images = np.zeros((1, 64, 96, 3), "float32")
for form in ("xyxy", "xywh", "center_xywh", "rel_xyxy"):
    boxes = keras.utils.bounding_boxes.convert_format(corners, "xyxy", form, height=64, width=96)
    # Images are changed with the probability `factor`: here, none.
    layer = keras.layers.RandomPerspective(factor=0.0, scale=0.3, seed=1, bounding_box_format=form)
    data = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": np.array([[1]])}}
    out = np.asarray(layer(data, training=True)["bounding_boxes"]["boxes"])
    print(form, np.asarray(boxes)[0, 0], "->", out[0, 0])
    assert np.allclose(out, corners, atol=1e-3)
    assert np.allclose(out, boxes, atol=1e-3) == (form == "xyxy")
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/perspective.py"
