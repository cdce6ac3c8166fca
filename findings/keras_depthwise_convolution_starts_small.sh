#!/usr/bin/env bash
# The kernels of Keras's DepthwiseConv2D start smaller the more channels there are.
#
# Guess: by Glorot and Bengio (2010) each 3x3 kernel, which sees 9 inputs, has a variance of 2 / (9 + 9), for
# any number of channels; He et al.'s of 2 / 9.
# Seen (Keras 3.15.1): all channels are counted as inputs of each kernel. Of 64 channels the deviation is 0.058, a
# sixth of the 0.333 that it should be, of 256 a twelfth; with he_normal 0.06 of 0.471. Grouped convolution,
# Conv2D(groups=8), counts its inputs right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/depthwise.py" <<'PYTHON'
import keras
import numpy as np


def deviation(layer, channels):
    layer.build((None, 8, 8, channels))
    return float(np.asarray(layer.kernel).std())


keras.utils.set_random_seed(0)
for channels in (64, 256):
    glorot = deviation(keras.layers.DepthwiseConv2D(3), channels)
    he = deviation(keras.layers.DepthwiseConv2D(3, depthwise_initializer="he_normal"), channels)
    print(f"{channels} channels: Glorot {glorot:.3f} of {1 / 3:.3f}, He {he:.3f} of {(2 / 9) ** 0.5:.3f}")
    assert abs(glorot - (2 / (9 * channels + 9)) ** 0.5) < 0.1 * glorot
    assert abs(he - (2 / (9 * channels)) ** 0.5) < 0.1 * he
grouped = deviation(keras.layers.Conv2D(64, 3, groups=8, kernel_initializer="he_normal"), 64)
print(f"64 channels in 8 groups: He {grouped:.3f} of {(2 / (9 * 8)) ** 0.5:.3f}")
assert abs(grouped - (2 / (9 * 8)) ** 0.5) < 0.05 * grouped
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/depthwise.py" "$folder"
