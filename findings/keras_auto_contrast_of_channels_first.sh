#!/usr/bin/env bash
# Keras's AutoContrast stretches the columns of an image whose channels come first.
#
# Guess: with `data_format="channels_first"` each channel is stretched to the whole range, as it is with the channels
# last.
# Seen (Keras 3.15.1): the extremes are taken over the second and third axis in both formats. Channels first, these
# are channels and rows: each column is stretched by itself, and the channels keep their distance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/auto.py" <<'PYTHON'
import keras
import numpy as np

rng = np.random.default_rng(0)
image = rng.uniform(0, 10, (1, 4, 5, 3)) + [0, 100, 200]
last = np.asarray(keras.layers.AutoContrast()(image.astype("float32")))
layer = keras.layers.AutoContrast(data_format="channels_first")
first = np.asarray(layer(image.transpose(0, 3, 1, 2).astype("float32"))).transpose(0, 2, 3, 1)
for name, out in (("last", last), ("first", first)):
    print("channels", name, "least", out.min((0, 1, 2)).round(), "most", out.max((0, 1, 2)).round())
assert np.allclose(last.min((1, 2)), 0, atol=0.01) and np.allclose(last.max((1, 2)), 255, atol=0.01)
# The first channel stays dark, the last one bright; each column has a 0 and a 255.
assert first[..., 0].max() < 20 and first[..., 2].min() > 235
assert np.allclose(first.min((1, 3)), 0, atol=0.01) and np.allclose(first.max((1, 3)), 255, atol=0.01)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/auto.py"
