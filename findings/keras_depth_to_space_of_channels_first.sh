#!/usr/bin/env bash
# Keras's depth_to_space takes other channels where channels come first, by JAX.
#
# Guess: with data_format="channels_first" it gives the transposed result of the transposed image, on all backends.
# Seen (Keras 3.15.1): on TensorFlow it does. On JAX 0.10.2 the channels of a pixel's block lie together where
# channels come first, and far apart where they come last; so with more than one channel left the images differ.
# space_to_depth does the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 tensorflow==2.21.0
cat >"$folder/depth.py" <<'PYTHON'
import keras
import numpy as np

ops, last, first = keras.ops, (0, 2, 3, 1), (0, 3, 1, 2)
same = {}
for name, shape in (("depth_to_space", (1, 2, 2, 8)), ("space_to_depth", (1, 4, 4, 2)), ("depth_to_space", (1, 2, 2, 4))):
    x = np.arange(32).reshape(-1, *shape[1:])[:1].astype("float32")
    op = getattr(ops, name)
    plain = np.asarray(op(x, 2))
    other = np.asarray(op(x.transpose(first), 2, data_format="channels_first")).transpose(last)
    print(keras.backend.backend(), name, shape, "the same:", np.array_equal(plain, other))
    assert plain.shape == other.shape
    same[name, shape[-1]] = np.array_equal(plain, other)
by_jax = keras.backend.backend() == "jax"
assert same["depth_to_space", 8] != by_jax and same["space_to_depth", 2] != by_jax
assert same["depth_to_space", 4]  # one channel is left
PYTHON
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/depth.py"
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/depth.py"
