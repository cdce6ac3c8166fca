#!/usr/bin/env bash
# Keras's RandomErasing(factor=1.0) erases a part of only half of the images.
#
# Guess: factor is the probability of erasing (p of Zhong et al., 2017): 1.0, the default, erases in all.
# Seen (Keras 3.15.1): each image draws its probability from 0 to factor: of 1,000 images about 500 are
# left as they are. factor=(1.0, 1.0) erases in all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/erase.py" <<'PYTHON'
import keras
import numpy as np

images = np.full((1000, 16, 16, 1), 100, "float32")
shares = []
for factor in (1.0, (1.0, 1.0)):
    layer = keras.layers.RandomErasing(factor=factor, fill_value=0.0, seed=0)
    erased = (np.asarray(layer(images, training=True)) == 0).any(axis=(1, 2, 3))
    shares.append(float(erased.mean()))
print("share of the images with a part erased:", shares)
assert 0.45 < shares[0] < 0.55 and shares[1] == 1
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/erase.py"
