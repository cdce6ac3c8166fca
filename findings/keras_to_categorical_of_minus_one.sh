#!/usr/bin/env bash
# Keras's to_categorical makes the last class of -1, one_hot none.
#
# Guess: -1, by which data sets mark what has no label, raises an error or makes a row of zeros in both.
# Seen (Keras 3.15.1): `utils.to_categorical` gives it the last class, as an index from the end; `ops.one_hot` a row
# of zeros. A class beyond the last raises an error in the first and makes zeros in the second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/onehot.py" <<'PYTHON'
import keras
import numpy as np

labels = np.array([0, -1, 2])
one, two = keras.utils.to_categorical(labels, 3), np.asarray(keras.ops.one_hot(labels, 3))
print(one.tolist(), two.tolist())
assert np.array_equal(one[1], [0, 0, 1]) and not two[1].any()
try:
    keras.utils.to_categorical(np.array([3]), 3)
except IndexError as error:
    print("IndexError:", error)
else:
    raise AssertionError("taken")
assert not np.asarray(keras.ops.one_hot(np.array([3]), 3)).any()
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/onehot.py"
