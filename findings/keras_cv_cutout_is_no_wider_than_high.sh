#!/usr/bin/env bash
# KerasCV's RandomCutout of a wide image is never wider than the image is high.
#
# Guess: `width_factor` is a share of the width: at 1.0 a cutout in the middle of an image of 10x40 takes it all.
# Seen (KerasCV 0.9.0, Keras 3.15.1, TensorFlow 2.21.0): it is at most 10 of 40 columns wide. Of images of 40x10 it is
# as high as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras-cv==0.9.0 keras==3.15.1 tensorflow==2.21.0
cat >"$folder/cutout.py" <<'PYTHON'
import keras_cv
import numpy as np

layer = keras_cv.layers.RandomCutout((1.0, 1.0), (1.0, 1.0), seed=1)
for height, width in ((10, 40), (40, 10)):
    images = np.full((300, height, width, 3), 100.0, "float32")
    black = np.asarray(layer(images, training=True))[..., 0] == 0
    most = int(black.any(axis=1).sum(axis=1).max()), int(black.any(axis=2).sum(axis=1).max())
    print((height, width), "the widest cutout", most[0], "the highest", most[1])
    assert most[0] == 10 and most[1] >= min(height, 30)
PYTHON
KERAS_BACKEND=tensorflow "$folder/venv/bin/python" "$folder/cutout.py"
