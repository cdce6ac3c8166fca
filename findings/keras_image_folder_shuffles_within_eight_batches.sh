#!/usr/bin/env bash
# Keras's image_dataset_from_directory shuffles the images of an epoch within eight batches alone.
#
# Guess: with shuffle=True each epoch has an order of its own, of all images.
# Seen (Keras 3.15.1, TensorFlow 2.21.0): the files are shuffled once, and each epoch draws from a window of eight
# batches. With batches of 4, an image comes at most 31 places earlier than in the list of files, in any epoch; the
# first batch is always of the first 35 files. So the batches of all epochs are made of the same neighbours.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 pillow==13.0.0
cat >"$folder/folder.py" <<'PYTHON'
import os

import keras
import numpy as np
from PIL import Image

folder, count, batch = os.path.join(os.path.dirname(__file__), "images"), 240, 4
for name in ("a", "b"):
    os.makedirs(os.path.join(folder, name))
for index in range(count):
    # The number of the file is its colour: 16 levels each of red and green.
    colour = (16 * (index % 16), 16 * (index // 16), 0)
    Image.new("RGB", (8, 8), colour).save(os.path.join(folder, "ab"[index % 2], f"{index:03}.png"))
data = keras.utils.image_dataset_from_directory(folder, batch_size=batch, image_size=(8, 8), seed=1, shuffle=True)
listed = [int(os.path.basename(path)[:3]) for path in data.file_paths]
place = {index: n for n, index in enumerate(listed)}
earlier, orders = [], []
for _ in range(4):
    images = np.concatenate([np.asarray(x)[:, 0, 0] for x, _ in data])
    order = [int(red / 16 + green) for red, green, _ in images]
    assert sorted(order) == list(range(count))
    orders.append(order)
    places = [place[index] for index in order]
    earlier.append(max(was - now for now, was in enumerate(places)))
    assert max(places[:batch]) < 8 * batch + batch
print("listed in order:", listed == sorted(listed), "orders:", len({tuple(order) for order in orders}))
print("an image comes at most so many places earlier than listed:", earlier)
assert listed != sorted(listed) and len({tuple(order) for order in orders}) == 4
assert max(earlier) < 8 * batch
PYTHON
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/folder.py"
