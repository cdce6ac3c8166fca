#!/usr/bin/env bash
# In TensorFlow the gradient of x[..., :c] takes several times as long as that of tf.slice.
#
# Guess: both pad the gradient with zeros, in the same time: they are the same slice.
# Seen (TensorFlow 2.21.0, a processor): of (8, 27, 27, 96), the two halves of a grouped convolution
# in two towers, the gradient of the indexing is StridedSliceGrad, and takes five times as long or
# more; that of tf.slice is Pad.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat >"$folder/gradient.py" <<'PYTHON'
import statistics
import sys
import time

import numpy as np
import tensorflow as tf

x = tf.constant(np.random.default_rng(0).normal(size=(8, 27, 27, 96)).astype("float32"))
up = tf.constant(np.random.default_rng(1).normal(size=(8, 27, 27, 48)).astype("float32"))


def gradient(part):
    @tf.function
    def of(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = part(x)
        return tape.gradient(y, x, up)

    return of


ways = {
    "indexing": gradient(lambda x: x[..., :48]),
    "tf.slice": gradient(lambda x: tf.slice(x, [0, 0, 0, 0], [8, 27, 27, 48])),
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
print(f"TensorFlow {tf.__version__}: the same bits: {same}; indexing takes {ratio:.1f} times as long")
sys.exit(not same or ratio < 2)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/gradient.py"
