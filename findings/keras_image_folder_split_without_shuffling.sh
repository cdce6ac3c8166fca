#!/usr/bin/env bash
# Keras's image_dataset_from_directory without shuffling validates on the last classes alone.
#
# Guess: validation_split=0.2 takes a fifth of each class, or of all images at random, whether they are shuffled
# afterwards or not.
# Seen (Keras 3.15.1, TensorFlow 2.21.0): with shuffle=False the files stay sorted by class, and the last fifth is
# held out. Of five equal classes the last is the whole validation set, and is never trained on; no word is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 pillow==13.0.0
cat >"$folder/split.py" <<'PYTHON'
import os

import keras
import numpy as np
from PIL import Image

folder = os.path.join(os.path.dirname(__file__), "images")
for name in "abcde":
    os.makedirs(os.path.join(folder, name))
    for index in range(10):
        Image.new("RGB", (8, 8)).save(os.path.join(folder, name, f"{index}.png"))
split = {"validation_split": 0.2, "subset": "both", "image_size": (8, 8), "seed": 1}
for shuffle in (True, False):
    parts = keras.utils.image_dataset_from_directory(folder, shuffle=shuffle, **split)
    labels = [np.concatenate([np.asarray(y) for _, y in part]) for part in parts]
    counts = [np.bincount(part, minlength=5).tolist() for part in labels]
    print("shuffle", shuffle, "images of each class, training", counts[0], "validation", counts[1])
    assert [sum(part) for part in counts] == [40, 10]
    if shuffle:
        assert max(counts[1]) < 8 and min(counts[0]) > 0
    else:
        assert counts == [[10, 10, 10, 10, 0], [0, 0, 0, 0, 10]]
PYTHON
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/split.py"
