#!/usr/bin/env bash
# On PyTorch, keras.ops.image.gaussian_blur with a kernel of 3x5 gives an image two columns narrower.
#
# Guess: the image keeps its size, as on TensorFlow and JAX, and as with a square kernel.
# Seen (Keras 3.15.1, PyTorch 2.13.0): 12x12 becomes 12x10 by a kernel of 3x5, and 12x14 by one of 5x3: the
# columns are padded for the rows of the kernel.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0
cat >"$folder/gaussian.py" <<'PYTHON'
import keras
import numpy as np

image = keras.ops.convert_to_tensor(np.ones((1, 12, 12, 1), "float32"))
found = {}
for kernel in ((3, 3), (3, 5), (5, 3)):
    blurred = keras.ops.image.gaussian_blur(image, kernel, (1.0, 1.0), data_format="channels_last")
    found[kernel] = tuple(blurred.shape[1:3])
print(found)
assert found == {(3, 3): (12, 12), (3, 5): (12, 10), (5, 3): (12, 14)}
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/gaussian.py"
