#!/usr/bin/env bash
# Keras's CutMix gives segmentation masks the channels of the images.
#
# Guess: a mask of one channel has one channel after it, with the same rectangle exchanged.
# Seen (Keras 3.15.1): it has three, all the same, for images of three. So a loss that has masks of (height, width, 1)
# meets (height, width, 3). RandomFlip keeps one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/cutmix.py" <<'PYTHON'
import keras
import numpy as np

rng = np.random.default_rng(0)
images = rng.uniform(0, 255, (4, 12, 20, 3)).astype("float32")
masks = (rng.uniform(size=(4, 12, 20, 1)) > 0.5).astype("float32")
for layer in (keras.layers.RandomFlip(seed=1), keras.layers.CutMix(seed=1)):
    data = {"images": images, "labels": np.eye(4, dtype="float32"), "segmentation_masks": masks}
    out = np.asarray(layer(data, training=True)["segmentation_masks"])
    print(layer.name, masks.shape, "->", out.shape)
assert out.shape == (4, 12, 20, 3) and np.array_equal(out[..., 0], out[..., 2])
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/cutmix.py"
