#!/usr/bin/env bash
# Keras's RandomSaturation of images from 0 to 255 gives negative numbers.
#
# Guess: the result stays within value_range, (0, 255) unless told otherwise: a saturation of 1 is the
# highest that a colour can have, and factor=1.0 is documented as a fully saturated image.
# Seen (Keras 3.15.1): the saturation, which goes from 0 to 1, is clipped to value_range. A pixel
# (200, 100, 50) becomes (200, -33, -150) with factor=(0.7, 0.7), and (200, -700, -1150) with (0.9, 0.9).
# Images from 0 to 1 with value_range=(0, 1) stay within it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/saturation.py" <<'PYTHON'
import keras
import numpy as np

pixel = np.array([[[[200, 100, 50]]]], "float32")


def saturated(factor, scale):
    layer = keras.layers.RandomSaturation((factor, factor), value_range=(0, scale))
    return np.asarray(layer(pixel / 255 * scale, training=True)).ravel().round(2).tolist()


for factor in (0.5, 0.7, 0.9):
    print(f"factor {factor}: of 255", saturated(factor, 255), "of 1", saturated(factor, 1))
assert np.allclose(saturated(0.7, 255), [200, -33.33, -150], atol=0.1)
assert min(saturated(0.7, 1)) >= 0 and min(saturated(0.9, 1)) >= 0
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/saturation.py"
