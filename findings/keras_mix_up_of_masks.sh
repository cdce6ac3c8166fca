#!/usr/bin/env bash
# Keras's MixUp gives the segmentation masks of a batch as many channels as it has images.
#
# Guess: the masks are mixed as the images are, and keep their shape.
# Seen (Keras 3.15.1): four masks of 8x8x1 come out as 8x8x4: the partner of a mask is a single number of the
# whole batch, not another mask. Images and labels are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/masks.py" <<'PYTHON'
import keras
import numpy as np

values = np.arange(4, dtype="float32")[:, None, None, None]
batch = {
    "images": np.broadcast_to(values, (4, 8, 8, 3)),
    "labels": np.eye(4, dtype="float32"),
    "segmentation_masks": np.broadcast_to(values, (4, 8, 8, 1)),
}
mixed = keras.layers.MixUp(alpha=1.0, seed=1)(batch, training=True)
print({name: tuple(array.shape) for name, array in mixed.items()})
expected = np.asarray(mixed["labels"]) @ np.arange(4)
assert np.allclose(np.asarray(mixed["images"])[:, 0, 0, 0], expected, atol=1e-5)
assert tuple(mixed["segmentation_masks"].shape) == (4, 8, 8, 4)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/masks.py"
