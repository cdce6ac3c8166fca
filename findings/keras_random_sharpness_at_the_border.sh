#!/usr/bin/env bash
# Keras's RandomSharpness darkens the border of an image where it blurs, and brightens it where it sharpens.
#
# Guess: a constant image stays as it is, and the border is left as it was, as in Pillow, torchvision and
# AutoAugment.
# Seen (Keras 3.15.1, Pillow 13.0.0): the smoothing pads with zeros. Of an image that is 130 throughout, the blurred
# one has 100 along its edges and 80 in its corners, the sharpened one 160 and 180.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 pillow==13.0.0
cat >"$folder/sharpness.py" <<'PYTHON'
import keras
import numpy as np
from PIL import Image, ImageEnhance

grey = np.full((1, 5, 5, 1), 130.0, "float32")
for factor, edge, corner in ((0.0, 100.0, 80.0), (0.5, 130.0, 130.0), (1.0, 160.0, 180.0)):
    out = np.asarray(keras.layers.RandomSharpness((factor, factor))(grey, training=True))[0, :, :, 0]
    print(factor, "middle", out[2, 2], "edge", out[0, 2], "corner", out[0, 0])
    assert np.allclose([out[2, 2], out[0, 2], out[0, 0]], [130.0, edge, corner], atol=1e-3)
    pillow = ImageEnhance.Sharpness(Image.new("L", (5, 5), 130)).enhance(2 * factor)
    assert np.all(np.asarray(pillow) == 130)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/sharpness.py"
