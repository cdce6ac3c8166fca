#!/usr/bin/env bash
# KerasCV's DropBlock2D never drops the lower part of a map that is higher than wide.
#
# Guess: blocks are dropped all over the map (Ghiasi, Lin and Le, 2018), but for what its border forbids.
# Seen (KerasCV 0.9.0, Keras 3.15.1, TensorFlow 2.21.0): of maps of 24x8 only the first 8 rows are ever touched: the
# rows are compared with the width. Maps of 8x24 are dropped all over.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras-cv==0.9.0 keras==3.15.1 tensorflow==2.21.0
cat >"$folder/dropblock.py" <<'PYTHON'
import keras_cv
import numpy as np

layer = keras_cv.layers.DropBlock2D(0.3, 3, seed=1)
for height, width in ((24, 8), (8, 24)):
    maps = np.asarray(layer(np.ones((500, height, width, 1), "float32"), training=True))
    share = (maps[..., 0] == 0).mean(axis=(0, 2))
    print((height, width), "share dropped by rows:", share.round(2).tolist())
    touched = 8 if height == 24 else height
    assert np.all(share[:touched] > 0.02) and np.all(share[touched:] == 0)
PYTHON
KERAS_BACKEND=tensorflow "$folder/venv/bin/python" "$folder/dropblock.py"
