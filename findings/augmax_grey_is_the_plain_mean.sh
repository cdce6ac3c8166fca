#!/usr/bin/env bash
# augmax's RandomGrayscale weighs the three channels alike.
#
# Guess: grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as in Pillow, torchvision, OpenCV and TensorFlow.
# Seen (augmax 0.4.1, JAX 0.10.2): it is the mean of the three: pure green becomes 0.33, and not 0.59.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 augmax==0.4.1
cat >"$folder/grey.py" <<'PYTHON'
import importlib.metadata

import augmax
import jax
import jax.numpy as jnp
import numpy as np

primaries = jnp.eye(3)[None]  # a red, a green and a blue pixel
grey = augmax.Chain(augmax.RandomGrayscale(p=1.0))(jax.random.key(0), primaries)
print(f"augmax {importlib.metadata.version('augmax')}: red, green, blue become {grey[0, :, 0]}")
assert np.allclose(grey, 1 / 3)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/grey.py"
