#!/usr/bin/env bash
# Keras's ops.image.gaussian_blur on PyTorch blurs over the channels, unless it is told where they are.
#
# Guess: without data_format, images are (batch, height, width, channels), as the configuration says and
# as on the other backends.
# Seen (Keras 3.15.1, PyTorch 2.13.0; keras.config.image_data_format() is "channels_last"): one green
# pixel colours the channels beside it, and not the rows above and below. With
# data_format="channels_last" it does what it does on JAX.
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
for data_format in (None, "channels_last"):
    blurred = keras.ops.image.gaussian_blur(image, data_format=data_format)
    found = keras.ops.convert_to_numpy(blurred)[0]
    print(found[2, 2].round(3).tolist(), found[:, 2, 1].round(3).tolist())
PYTHON
torch=$(KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/blur.py")
jax=$(KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/blur.py")
printf 'PyTorch, the channels of the pixel and the column:\n%s\nJAX:\n%s\n' "$torch" "$jax"
right='[0.0, 0.204, 0.0] [0.0, 0.124, 0.204, 0.124, 0.0]'
[ "$torch" = "[0.124, 0.204, 0.124] [0.0, 0.0, 0.204, 0.0, 0.0]"$'\n'"$right" ]
[ "$jax" = "$right"$'\n'"$right" ]
