#!/usr/bin/env bash
# Keras's symmetric padding repeats the edge on PyTorch, where it should mirror.
#
# Guess: ops.pad(x, ..., mode="symmetric") is numpy.pad's on each backend: 1 2 3 becomes 2 1 1 2 3 3 2.
# Seen (Keras 3.15.1, PyTorch 2.13.0): 1 1 1 2 3 3 3, which numpy.pad calls "edge". A padding of one
# pixel is the same in both, so small tests do not show it. "reflect" mirrors as it should.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0
cat >"$folder/pad.py" <<'PYTHON'
import keras
import numpy as np

x = np.array([1, 2, 3], "float32")
for mode in ("symmetric", "reflect"):
    found = keras.ops.convert_to_numpy(keras.ops.pad(x, [[2, 2]], mode))
    print(mode, found.tolist(), "NumPy:", np.pad(x, 2, mode).tolist())
    same = np.array_equal(found, np.pad(x, 2, mode))
    assert same == (mode == "reflect")
    assert same or np.array_equal(found, np.pad(x, 2, "edge"))
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/pad.py"
