#!/usr/bin/env bash
# Keras's ops.image.sobel_edges finds edges around an image that has none, on JAX and PyTorch.
#
# Guess: an image of one grey has no edges, on each backend. (On TensorFlow it has none:
# tf.image.sobel_edges mirrors the image at its border.)
# Seen (Keras 3.15.1, JAX 0.10.2, PyTorch 2.13.0): the image is padded with black. The border of a white
# image has gradients of 3 and 4, as strong as a real edge from black to white.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 jax==0.10.2
cat >"$folder/sobel.py" <<'PYTHON'
import keras
import numpy as np

white = np.ones((1, 4, 4, 1), "float32")
edges = keras.ops.convert_to_numpy(keras.ops.image.sobel_edges(white))[0, :, :, 0, 0]
print(keras.backend.backend(), "from above to below:", edges.tolist())
assert edges.tolist() == [[3, 4, 4, 3], [0, 0, 0, 0], [0, 0, 0, 0], [-3, -4, -4, -3]]
PYTHON
for backend in jax torch; do
  KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/sobel.py"
done
