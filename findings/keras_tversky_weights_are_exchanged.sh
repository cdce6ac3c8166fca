#!/usr/bin/env bash
# Keras's Tversky loss weighs what was missed by alpha, and what is too much by beta.
#
# Guess: alpha is of false positives and beta of false negatives, as in the paper (Salehi et al., 2017) and in the
# layer's own description.
# Seen (Keras 3.15.1): with alpha 0.9 and beta 0.1 one pixel too much costs 0.048, and one pixel missed 0.474.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/tversky.py" <<'PYTHON'
import keras
import numpy as np

truth = np.array([[1, 1, 0, 0]], "float32")
answers = {
    "too much": np.array([[1, 1, 1, 0]], "float32"),  # 2 right, 1 false positive
    "missed": np.array([[1, 0, 0, 0]], "float32"),  # 1 right, 1 false negative
}
loss = keras.losses.Tversky(alpha=0.9, beta=0.1)
seen = {name: float(loss(truth, answer)) for name, answer in answers.items()}
print(seen)
assert abs(seen["too much"] - (1 - 2 / (2 + 0.1))) < 1e-4
assert abs(seen["missed"] - (1 - 1 / (1 + 0.9))) < 1e-4
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/tversky.py"
