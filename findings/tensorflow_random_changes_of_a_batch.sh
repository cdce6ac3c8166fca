#!/usr/bin/env bash
# TensorFlow's random flip is drawn for each image of a batch, its random crop and colours once for all.
#
# Guess: all of tf.image's random functions draw for each image of a batch, or all once.
# Seen (TensorFlow 2.21.0): random_flip_left_right mirrors about half of 64 images. random_crop, random_brightness,
# random_contrast, random_saturation and random_hue do the same to all 64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat >"$folder/batch.py" <<'PYTHON'
import numpy as np
import tensorflow as tf

tf.random.set_seed(1)
ramp = np.arange(16, dtype="float32").reshape(1, 1, 16, 1) / 16
images = np.tile(ramp, (64, 16, 1, 3)) * np.array([1.0, 0.8, 0.6], "float32")
functions = {
    "flip": tf.image.random_flip_left_right,
    "crop": lambda x: tf.image.random_crop(x, (64, 8, 8, 3)),
    "brightness": lambda x: tf.image.random_brightness(x, 0.5),
    "contrast": lambda x: tf.image.random_contrast(x, 0.1, 1.9),
    "saturation": lambda x: tf.image.random_saturation(x, 0.1, 1.9),
    "hue": lambda x: tf.image.random_hue(x, 0.3),
}
for name, function in functions.items():
    out = function(images).numpy()
    different = len({image.tobytes() for image in out})
    print(name, "different images:", different)
    assert different == (2 if name == "flip" else 1)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/batch.py"
