#!/usr/bin/env bash
# Keras's two readers give a PNG of 16 bits as two different images.
#
# Guess: load_img and image_dataset_from_directory give the same pixels where nothing is resized.
# Seen (Keras 3.15.1, TensorFlow 2.21.0, Pillow 13.0.0): of the greys 0, 257, 25700, 65535 the data set has
# the upper bytes, 0, 1, 100, 255. load_img as "rgb", its default, has 0, 255, 255, 255: white from 255 on;
# as "grayscale" it has the 16 bits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 pillow==13.0.0
cat >"$folder/read.py" <<'PYTHON'
import pathlib
import sys

import keras
import numpy as np
from PIL import Image

folder = pathlib.Path(sys.argv[1])
folder.mkdir()
greys = np.array([[0, 257], [25700, 65535]], "uint16")
Image.fromarray(greys).save(folder / "grey.png")
seen = {}
for mode in ("rgb", "grayscale"):
    image = keras.utils.img_to_array(keras.utils.load_img(folder / "grey.png", color_mode=mode))
    seen[f"load_img, {mode}"] = image[..., 0].ravel().astype(int).tolist()
    data = keras.utils.image_dataset_from_directory(
        folder, labels=None, color_mode=mode, image_size=(2, 2), verbose=False
    )
    seen[f"data set, {mode}"] = np.asarray(next(iter(data)))[0, ..., 0].ravel().astype(int).tolist()
for name, pixels in seen.items():
    print(name, pixels)
assert seen["data set, rgb"] == seen["data set, grayscale"] == [0, 1, 100, 255]
assert seen["load_img, rgb"] == [0, 255, 255, 255] and seen["load_img, grayscale"] == greys.ravel().tolist()
PYTHON
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/read.py" "$folder/images" 2>/dev/null
