#!/usr/bin/env bash
# Keras's ops.image.gaussian_blur blurs over the channels on JAX and PyTorch, unless told where they are.
#
# Guess: without data_format, images are (batch, height, width, channels), as the configuration says
# (keras.config.image_data_format() is "channels_last") and as on TensorFlow.
# Seen (Keras 3.15.1, JAX 0.10.2, PyTorch 2.13.0): one green pixel colours its red and blue, and not the
# pixels above and below. With data_format="channels_last" it is the other way round.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 jax==0.10.2
cat >"$folder/blur.py" <<'PYTHON'
import keras
import numpy as np

assert keras.config.image_data_format() == "channels_last"
image = np.zeros((1, 5, 5, 3), "float32")
image[0, 2, 2, 1] = 1
found = {}
for data_format in (None, "channels_last"):
    blurred = keras.ops.image.gaussian_blur(image, data_format=data_format)
    blurred = keras.ops.convert_to_numpy(blurred)[0] > 0
    found[data_format] = [int(blurred[2, 2].sum()), int(blurred[:, 2, 1].sum())]
print(keras.backend.backend(), "coloured channels of the pixel, pixels of the column:", found)
assert found == {None: [3, 1], "channels_last": [1, 3]}
PYTHON
for backend in jax torch; do
  KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/blur.py"
done
