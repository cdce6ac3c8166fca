#!/usr/bin/env bash
# Keras's RandomCrop moves boxes up by what it cuts off at the left, and left by what it cuts off at the top.
#
# Guess: the boxes follow the image: what is cut off at the left is taken from x, what is cut off at the top from y.
# Seen (Keras 3.15.1): the offsets are exchanged. Something white whose left upper corner is at (40, 20) in an image
# of 64x96 is found in the crop of 48x64 elsewhere than the box that comes with it; only where both offsets are
# equal, there. The segmentation mask follows the image.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/crop.py" <<'PYTHON'
import keras
import numpy as np

image = np.zeros((64, 96, 3), "float32")
image[20:40, 40:60] = 255
apart = 0
for seed in range(6):
    layer = keras.layers.RandomCrop(48, 64, seed=seed, bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[40, 20, 60, 40]], "float32"), "labels": np.array([1])}
    data = {"images": image, "bounding_boxes": boxes, "segmentation_masks": image[..., :1] / 255}
    out = layer(data, training=True)
    seen = np.asarray(out["images"])[..., 0] > 127
    assert np.array_equal(seen, np.asarray(out["segmentation_masks"])[..., 0] > 0.5)
    rows, columns = np.nonzero(seen)
    said = np.asarray(out["bounding_boxes"]["boxes"])[0, :2]
    print("seed", seed, "white begins at", (columns.min(), rows.min()), "the box at", said)
    left, top = 40 - columns.min(), 20 - rows.min()
    assert np.array_equal(said, [40 - top, max(20 - left, 0)])
    apart += left != top
assert apart >= 4
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/crop.py"
