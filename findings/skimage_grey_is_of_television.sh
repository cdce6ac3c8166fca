#!/usr/bin/env bash
# scikit-image's rgb2gray weighs the channels as high-definition television does.
#
# Guess: grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as in Pillow, OpenCV, TensorFlow and torchvision.
# Seen (scikit-image 0.26.0): 0.2125 R + 0.7154 G + 0.0721 B. A pure red becomes 54 of 255, and not 76.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-image==0.26.0 numpy==2.4.6
cat >"$folder/grey.py" <<'PYTHON'
import numpy as np
import skimage

grey = skimage.color.rgb2gray(np.eye(3)[None])[0]
print(f"scikit-image {skimage.__version__}: red, green, blue become {grey.tolist()}")
assert np.allclose(grey, [0.2125, 0.7154, 0.0721])
PYTHON
"$folder/venv/bin/python" "$folder/grey.py"
