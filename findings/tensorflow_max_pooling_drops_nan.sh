#!/usr/bin/env bash
# Max pooling on a CPU hides nan in TensorFlow.
#
# Guess: nan goes through a pooling, as through tf.reduce_max, PyTorch's pooling and JAX's.
# Seen (TensorFlow 2.21.0, CPU): the largest of 1, nan, 2 and 3 is 3 by tf.nn.max_pool2d, and nan by
# tf.reduce_max. A window of nan alone gives the smallest number of float32. So a diverged network of
# convolutions and poolings has finite outputs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-cpu==2.21.0
cat >"$folder/max.py" <<'PYTHON'
import numpy as np
import tensorflow as tf

for values in ([1, np.nan, 2, 3], [np.nan, 1, 2, 3], [np.nan] * 4):
    image = tf.reshape(tf.constant(values, tf.float32), (1, 2, 2, 1))
    pooled = float(tf.nn.max_pool2d(image, 2, 2, "VALID")[0, 0, 0, 0])
    largest = float(tf.reduce_max(image))
    print(values, "pooled:", pooled, "reduce_max:", largest)
    assert np.isnan(largest)
    assert pooled == (3 if 3 in values else np.finfo("float32").min)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/max.py"
