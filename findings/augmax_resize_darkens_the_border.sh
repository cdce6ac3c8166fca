#!/usr/bin/env bash
# augmax's Resize takes what is beyond the image for black, and mixes it into the border.
#
# Guess: enlarging a white image gives a white image, as in Pillow, torchvision, TensorFlow and OpenCV.
# Seen (augmax 0.4.1, JAX 0.10.2): from 6x6 to 12x12 the outermost row and column have 0.75 of the value, the corners
# 0.56. Shrunk to 3x3 it is white: no cell between the pixels of the border is asked for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 augmax==0.4.1
cat >"$folder/resize.py" <<'PYTHON'
import importlib.metadata

import augmax
import jax
import jax.numpy as jnp
import numpy as np

white, version = jnp.ones((6, 6, 3)), importlib.metadata.version("augmax")
large = augmax.Chain(augmax.Resize(12))(jax.random.key(0), white)[..., 0]
print(f"augmax {version}: first row {np.asarray(large)[0].round(3)}")
assert np.allclose(large[0, 1:-1], 0.75) and np.isclose(large[0, 0], 0.5625)
assert np.allclose(large[1:-1, 1:-1], 1)
small = augmax.Chain(augmax.Resize(3))(jax.random.key(0), white)[..., 0]
assert np.allclose(small, 1)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/resize.py"
