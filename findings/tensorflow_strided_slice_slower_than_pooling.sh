#!/usr/bin/env bash
# On a processor, TensorFlow takes several times as long for x[:, ::2, ::2] as for a pooling of one value.
#
# Guess: every second row and column is a copy of a quarter of the array, limited by memory, and no
# slower than an average pooling of size 1 and stride 2, which gives the same bits.
# Seen (TensorFlow 2.21.0): of (128, 32, 32, 16) the slice takes 4 to 20 times as long. The
# parameter-free shortcut of CIFAR ResNets is such a slice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat >"$folder/slice.py" <<'PYTHON'
import statistics
import sys
import time

import numpy as np
import tensorflow as tf

x = tf.constant(np.random.default_rng(0).normal(size=(128, 32, 32, 16)).astype("float32"))
ways = {
    "slice": tf.function(lambda x: x[:, ::2, ::2]),
    "pooling": tf.function(lambda x: tf.nn.avg_pool2d(x, 1, 2, "VALID")),
}
results = [way(x).numpy() for way in ways.values()]
ratios = []
for _ in range(30):
    taken = []
    for way in ways.values():
        begin = time.perf_counter()
        way(x).numpy()
        taken.append(time.perf_counter() - begin)
    ratios.append(taken[0] / taken[1])
same, ratio = np.array_equal(*results), statistics.median(ratios)
print(f"TensorFlow {tf.__version__}: the same bits: {same}; the slice takes {ratio:.1f} times as long")
sys.exit(not same or ratio < 3)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/slice.py"
