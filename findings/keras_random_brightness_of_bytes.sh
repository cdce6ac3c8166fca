#!/usr/bin/env bash
# Keras's RandomBrightness adds to bytes without a limit: 200 becomes 46.
#
# Guess: images of uint8 are brightened as floats and limited to 0 and 255.
# Seen (Keras 3.15.1): the change is made a byte first, and the sum wraps around before it is limited. At 0.4 (102
# more) 50 becomes 152 and 200 becomes 46. At -0.4 nothing changes on JAX; on TensorFlow 2.21.0, not run here, it
# wraps around, too. Images of float32 come out as guessed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/brightness.py" <<'PYTHON'
import keras
import numpy as np

seen = {}
for dtype in ("uint8", "float32"):
    for factor in (0.4, -0.4):
        image = np.array([50, 200], dtype).reshape((1, 1, 2, 1)).repeat(3, axis=-1)
        out = keras.layers.RandomBrightness((factor, factor))(image, training=True)
        seen[dtype, factor] = np.asarray(out)[0, 0, :, 0].tolist()
        print(dtype, factor, seen[dtype, factor])
assert seen["float32", 0.4] == [152.0, 255.0] and seen["float32", -0.4] == [0.0, 98.0]
assert seen["uint8", 0.4] == [152, 46] and seen["uint8", -0.4] == [50, 200]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/brightness.py"
