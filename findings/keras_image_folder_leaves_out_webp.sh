#!/usr/bin/env bash
# Keras's image_dataset_from_directory leaves out the WebP images of a folder.
#
# Guess: it reads what its readers read: tf.io.decode_image and Pillow both read WebP.
# Seen (Keras 3.15.1): of three PNG and three WebP images of a class the three PNG images are found; the
# message counts them, and no word says that others were passed over. load_img reads the same WebP file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 grain==0.2.18 pillow==13.0.0
cat >"$folder/webp.py" <<'PYTHON'
import pathlib
import sys

import keras
import numpy as np
from PIL import Image

folder = pathlib.Path(sys.argv[1])
(folder / "a").mkdir(parents=True)
for k in range(3):
    image = Image.fromarray(np.full((4, 4, 3), 50 * k, "uint8"))
    image.save(folder / "a" / f"{k}.png")
    image.save(folder / "a" / f"{k}.webp", lossless=True)
images = keras.utils.image_dataset_from_directory(folder, labels=None, image_size=(4, 4), format="grain")
found = sorted(pathlib.Path(path).name for path in images.file_paths)
print("found:", found)
print("load_img:", keras.utils.img_to_array(keras.utils.load_img(folder / "a" / "1.webp"))[0, 0])
assert found == ["0.png", "1.png", "2.png"]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/webp.py" "$folder/images"
