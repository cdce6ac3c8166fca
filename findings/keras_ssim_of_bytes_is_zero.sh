#!/usr/bin/env bash
# Keras's structural similarity of two images of bytes is 0, and their peak signal-to-noise ratio too high.
#
# Guess: `ops.image.ssim` and `ops.psnr` of bytes, with 255 as the largest value, are those of the same numbers as
# floats.
# Seen (Keras 3.15.1, JAX 0.10.2): the similarity, 0.99, is cast to the type of the images, and so is 0. The
# differences for the ratio are taken in bytes, and squares wrap around: 29.4 dB where it is 27.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/similar.py" <<'PYTHON'
import keras
import numpy as np

rng = np.random.default_rng(0)
one = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
two = np.clip(one.astype("int32") + rng.integers(-20, 20, one.shape), 0, 255).astype(np.uint8)
floats = one.astype("float32"), two.astype("float32")
similarity, of_floats = (np.asarray(keras.ops.image.ssim(*pair, max_val=255)) for pair in ((one, two), floats))
print("ssim", similarity, similarity.dtype, "of floats", of_floats)
assert similarity.dtype == np.uint8 and not similarity.any() and np.all(of_floats > 0.98)
ratio, of_floats = (float(keras.ops.psnr(*pair, 255)) for pair in ((one, two), floats))
true = 10 * np.log10(255**2 / np.mean((floats[0] - floats[1]).astype("float64") ** 2))
print("psnr", ratio, "of floats", of_floats, "by its formula", true)
assert abs(of_floats - true) < 1e-3 and ratio > true + 2
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/similar.py"
