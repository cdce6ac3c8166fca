#!/usr/bin/env bash
# Keras's ops.image.sobel_edges on PyTorch finds edges around an image that has none.
#
# Guess: an image of one grey has no edges, on each backend. (tf.image.sobel_edges mirrors the image at
# its border.)
# Seen (Keras 3.15.1, PyTorch 2.13.0): the image is padded with black. The border of a white image has
# gradients of 3 and 4, as strong as a real edge from black to white; on JAX they are 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 jax==0.10.2
cat >"$folder/sobel.py" <<'PYTHON'
import keras
import numpy as np

white = np.ones((1, 4, 4, 1), "float32")
edges = keras.ops.convert_to_numpy(keras.ops.image.sobel_edges(white))
print(edges[0, :, :, 0, 0].tolist())  # from above to below
PYTHON
torch=$(KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/sobel.py")
jax=$(KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/sobel.py")
printf 'PyTorch: %s\nJAX: %s\n' "$torch" "$jax"
none='[0.0, 0.0, 0.0, 0.0]'
[ "$torch" = "[[3.0, 4.0, 4.0, 3.0], $none, $none, [-3.0, -4.0, -4.0, -3.0]]" ]
[ "$jax" = "[$none, $none, $none, $none]" ]
