#!/usr/bin/env bash
# PIX's gaussian_blur takes what is beyond the image for black.
#
# Guess: a white image stays white, as in torchvision (which reflects), Pillow and OpenCV (by default, too).
# Seen (dm-pix 0.4.5, JAX 0.10.2): sigma=1 and a kernel of 5 leave 0.7 in the outermost rows, and 0.49 in the corners.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 dm-pix==0.4.5
cat >"$folder/blur.py" <<'PYTHON'
import dm_pix
import jax.numpy as jnp
import numpy as np

blurred = np.asarray(dm_pix.gaussian_blur(jnp.ones((9, 9, 1)), sigma=1.0, kernel_size=5))[..., 0]
print(f"dm-pix {dm_pix.__version__}: first row {blurred[0].round(2)}, middle row {blurred[4].round(2)}")
assert np.allclose(blurred[2:7, 2:7], 1, atol=1e-5)
assert 0.69 < blurred[0, 4] < 0.72 and abs(blurred[0, 0] - blurred[0, 4] ** 2) < 1e-3
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/blur.py"
