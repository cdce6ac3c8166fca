#!/usr/bin/env bash
# Keras's RandomPosterization never keeps as many bits as its factor says.
#
# Guess: RandomPosterization((3, 5)) keeps 3, 4 or 5 bits of each value, and RandomPosterization(4), from a
# range that ends there, up to 4. (4, 4) is documented and keeps 4.
# Seen (Keras 3.15.1): the upper end is left out, unless both ends are equal: (3, 5) keeps 3 or 4 bits, and
# 4 keeps 1, 2 or 3. So 8 never leaves an image as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/posterize.py" <<'PYTHON'
import keras
import numpy as np

white = np.full((400, 1, 1, 1), 255, "float32")
found = {}
for factor in ((3, 5), 4, 8, (4, 4)):
    layer = keras.layers.RandomPosterization(factor, seed=0)
    values = np.unique(np.asarray(layer(white, training=True)).astype("uint8"))
    found[factor] = [int(value).bit_count() for value in values]  # of 255, the bits that are kept
print(found)
assert found == {(3, 5): [3, 4], 4: [1, 2, 3], 8: [1, 2, 3, 4, 5, 6, 7], (4, 4): [4]}
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/posterize.py"
