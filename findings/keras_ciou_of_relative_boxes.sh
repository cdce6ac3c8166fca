#!/usr/bin/env bash
# Keras's compute_ciou refuses relative boxes with any image shape.
#
# Guess: with `image_shape` it takes "rel_xyxy", as compute_iou does.
# Seen (Keras 3.15.1): it raises the error of a missing image shape, whether it is given or not. Of boxes in
# pixels it gives one number a pair, by position; compute_iou gives a table of each with each.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/ciou.py" <<'PYTHON'
import keras
import numpy as np

one = np.array([[5, 7, 33, 21], [0, 0, 80, 50], [10, 12, 11, 40]], "float32")
two = np.array([[4, 4, 30, 30], [10, 0, 60, 40], [0, 10, 20, 45]], "float32")
utils, scale = keras.utils.bounding_boxes, np.array([80, 50, 80, 50], "float32")
shape = {"image_shape": (50, 80, 3)}
iou, relative = utils.compute_iou(one, two, "xyxy"), utils.compute_iou(one / scale, two / scale, "rel_xyxy", **shape)
assert np.allclose(iou, relative, atol=1e-4)
ciou = utils.compute_ciou(one, two, "xyxy")
print("shapes", np.shape(iou), np.shape(ciou))
assert np.shape(iou) == (3, 3) and np.shape(ciou) == (3,)
try:
    utils.compute_ciou(one / scale, two / scale, "rel_xyxy", **shape)
except ValueError as error:
    print("ValueError:", str(error)[:90])
else:
    raise AssertionError("taken")
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/ciou.py"
