#!/usr/bin/env bash
# Keras's save_img stretches the contrast of the image that it saves, also of bytes.
#
# Guess: an image of bytes is written as it is; one of floats from 0 to 1 times 255.
# Seen (Keras 3.15.1): the smallest value becomes 0 and the largest 255, unless scale=False. Grey from 100 to 150
# comes back from 0 to 255, a plain grey as black, 0.2 to 0.4 as 0 to 255. With scale=False floats from 0 to 1 come
# back as 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 pillow==13.0.0
cat >"$folder/saving.py" <<'PYTHON'
import os

import keras
import numpy as np
from PIL import Image

path = os.path.join(os.path.dirname(__file__), "image.png")


def saved(values, **arguments):
    image = np.array(values).reshape(2, 2, 1).repeat(3, -1)
    keras.utils.save_img(path, image, **arguments)
    return np.asarray(Image.open(path))[..., 0].ravel().tolist()


grey = np.array([100, 150, 120, 130], "uint8")
plain = np.full(4, 100, "uint8")
floats = np.array([0.2, 0.4, 0.3, 0.3], "float32")
print(grey, "->", saved(grey), "plain", saved(plain), "floats", saved(floats))
assert saved(grey) == [0, 255, 102, 153] and saved(plain) == [0] * 4 and saved(floats)[:2] == [0, 255]
assert saved(grey, scale=False) == grey.tolist() and saved(floats, scale=False) == [0] * 4
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/saving.py"
