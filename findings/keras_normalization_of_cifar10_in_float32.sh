#!/usr/bin/env bash
# Keras's Normalization, adapted to an array of the size of CIFAR-10 in float32, is wrong by a third.
#
# Guess: `adapt` finds the mean and the variance of each channel, of any array that fits into memory.
# Seen (Keras 3.15.1, NumPy 2.4.6): of 50,000 random images of 32x32x3 with a mean of 127.5 and a variance of 5461
# it finds 83.9 and 6427 where the array is float32, and 0.328 where it was divided by 255. NumPy adds the 51 million
# values of a channel one by one, and each sum is rounded to float32. Of the bytes themselves it is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 numpy==2.4.6
cat >"$folder/normalization.py" <<'PYTHON'
import keras
import numpy as np

images = np.random.default_rng(0).integers(0, 256, (50_000, 32, 32, 3), dtype=np.uint8)


def adapted(data):
    layer = keras.layers.Normalization()
    layer.adapt(data)
    return [np.asarray(value).ravel() for value in (layer.mean, layer.variance)]


mean, variance = adapted(images)
print("bytes", mean, variance)
assert np.allclose(mean, 127.5, atol=0.1) and np.allclose(variance, 5461, atol=10)
mean, variance = adapted(images.astype("float32"))
print("float32", mean, variance)
assert np.allclose(mean, 83.886, atol=0.01) and np.all(variance > 6000)
mean, _ = adapted(images.astype("float32") / 255)
print("float32, of 1", mean)
assert np.allclose(mean, 0.32768, atol=1e-4)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/normalization.py"
