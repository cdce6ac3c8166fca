#!/usr/bin/env bash
# Keras's Solarization scales only the upper end of its thresholds to grey levels.
#
# Guess: threshold_factor=(0.5, 0.5) means one threshold, half of the value range: of an image from 0 to
# 255, the pixels above 127.5 are inverted, and no others, whatever the seed.
# Seen (Keras 3.15.1): thresholds are drawn from 0.5 to 127.5. Over 200 seeds a pixel of 100 is inverted
# in some images and left in others. A single number, 0.5, means the same range but for its lower end, 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/solarize.py" <<'PYTHON'
import keras
import numpy as np

image = np.array([100, 200], "float32").reshape(1, 2, 1)
found = set()
for seed in range(200):
    layer = keras.layers.Solarization(threshold_factor=(0.5, 0.5), value_range=(0, 255), seed=seed)
    found.add(tuple(np.asarray(layer(image, training=True)).ravel().tolist()))
print(sorted(found))
assert found == {(100.0, 55.0), (155.0, 55.0)}  # one of the two was expected
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/solarize.py"
