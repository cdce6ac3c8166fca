#!/usr/bin/env bash
# scikit-image's resize mirrors the image about its outermost pixels, where others repeat them.
#
# Guess: the row 0, 1, ..., 5 doubled begins with 0, 0.25, 0.75, as in Pillow, OpenCV, TensorFlow and PyTorch.
# Seen (scikit-image 0.26.0): it begins with 0.25, 0.25, 0.75: a quarter of a pixel beyond the border is what is a
# quarter of a pixel within it. mode="edge" repeats.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-image==0.26.0 numpy==2.4.6
cat >"$folder/resize.py" <<'PYTHON'
import numpy as np
import skimage
from skimage.transform import resize

row = np.tile(np.arange(6.0), (6, 1))
mirrored, repeated = resize(row, (12, 12))[5], resize(row, (12, 12), mode="edge")[5]
print(f"scikit-image {skimage.__version__}: {mirrored[:3]} ... {mirrored[-3:]}; edge: {repeated[:3]}")
assert np.allclose(mirrored[:3], [0.25, 0.25, 0.75]) and np.allclose(mirrored[-2:], [4.75, 4.75])
assert np.allclose(repeated[:3], [0, 0.25, 0.75]) and np.allclose(repeated[-2:], [4.75, 5])
PYTHON
"$folder/venv/bin/python" "$folder/resize.py"
