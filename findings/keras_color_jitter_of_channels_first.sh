#!/usr/bin/env bash
# Keras's RandomColorJitter does not tell its parts that channels come first.
#
# Guess: with data_format="channels_first" it does to the image what it does to the same one with channels last.
# Seen (Keras 3.15.1): the layers in it get the global default. The contrast pivots about the mean of each column
# over channels and rows, not of each channel; saturation and hue raise an error. RandomContrast itself is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/jitter.py" <<'PYTHON'
import keras
import numpy as np

x = np.random.default_rng(0).uniform(0, 255, (2, 12, 20, 3)).astype("float32")
first = x.transpose(0, 3, 1, 2)


def last(images):
    return np.asarray(images).transpose(0, 2, 3, 1)


contrast = {"factor": (0.3, 0.3), "seed": 1}
a = keras.layers.RandomContrast(**contrast)(x, training=True)
b = keras.layers.RandomContrast(**contrast, data_format="channels_first")(first, training=True)
assert np.allclose(a, last(b), atol=1e-2)
jitter = {"contrast_factor": 0.3, "seed": 1}
a = keras.layers.RandomColorJitter(**jitter)(x, training=True)
b = keras.layers.RandomColorJitter(**jitter, data_format="channels_first")(first, training=True)
print("largest difference of two pixels", np.abs(np.asarray(a) - last(b)).max())
assert np.abs(np.asarray(a) - last(b)).max() > 2
for part in ("saturation_factor", "hue_factor"):
    layer = keras.layers.RandomColorJitter(**{part: 0.3}, data_format="channels_first")
    try:
        layer(first, training=True)
    except ValueError as error:
        print(part, "ValueError", str(error).splitlines()[2][:80])
    else:
        raise AssertionError(part)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/jitter.py"
