#!/usr/bin/env bash
# Keras's label smoothing divides by the length of the last axis, also where another has the classes.
#
# Guess: with `axis=1` (channels first) the smoothed label of n classes gets label_smoothing / n, and the loss is
# that of the same arrays with the classes last.
# Seen (Keras 3.15.1): it gets label_smoothing / width. The labels no longer sum to 1, and the losses differ: 0.446
# and 0.639 for 3 classes and images 5 wide.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/label.py" <<'PYTHON'
import keras
import numpy as np

labels = np.zeros((1, 3, 5, 5), "float32")
labels[:, 0] = 1
outputs = np.full((1, 3, 5, 5), 0.1, "float32")
outputs[:, 0] = 0.8
first, last = {}, {}
for smoothing in (0.0, 0.3):
    first[smoothing] = float(
        keras.losses.CategoricalCrossentropy(label_smoothing=smoothing, axis=1)(labels, outputs)
    )
    last[smoothing] = float(
        keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)(
            labels.transpose(0, 2, 3, 1), outputs.transpose(0, 2, 3, 1)
        )
    )
print("classes first", first, "classes last", last)
assert abs(first[0.0] - last[0.0]) < 1e-5
right = -(0.7 + 0.1) * np.log(0.8) - 2 * 0.1 * np.log(0.1)
wide = -(0.7 + 0.06) * np.log(0.8) - 2 * 0.06 * np.log(0.1)
assert abs(last[0.3] - right) < 1e-5 and abs(first[0.3] - wide) < 1e-5
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/label.py"
