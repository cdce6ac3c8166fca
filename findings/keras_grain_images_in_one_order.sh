#!/usr/bin/env bash
# Keras's image_dataset_from_directory(format="grain") gives the images of each epoch in the same order.
#
# Guess: shuffle=True, the default, draws a new order for each epoch, as format="tf" does.
# Seen (Keras 3.15.1, grain 0.2.18): it is drawn once, and each pass has the same batches. fit warns that
# it does not shuffle such a data set itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 grain==0.2.18 pillow==13.0.0
cat >"$folder/order.py" <<'PYTHON'
import pathlib
import sys

import keras
import numpy as np
from PIL import Image

folder = pathlib.Path(sys.argv[1])
for name, first in (("a", 0), ("b", 100)):
    (folder / name).mkdir(parents=True)
    for k in range(6):
        Image.fromarray(np.full((4, 4, 3), first + k, "uint8")).save(folder / name / f"{k}.png")
images = keras.utils.image_dataset_from_directory(
    folder, image_size=(4, 4), batch_size=4, seed=1, format="grain", verbose=False
)
epochs = [
    [np.asarray(batch)[:, 0, 0, 0].astype(int).tolist() for batch, _ in images] for _ in range(3)
]
for epoch in epochs:
    print(epoch)
assert epochs[0] == epochs[1] == epochs[2] and sum(epochs[0], []) != sorted(sum(epochs[0], []))
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/order.py" "$folder/images"
