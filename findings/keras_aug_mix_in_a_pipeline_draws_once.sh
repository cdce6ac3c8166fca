#!/usr/bin/env bash
# Keras's AugMix in a tf.data pipeline draws its operations once, for all batches.
#
# Guess: each batch gets chains of its own, as when the layer is called on batch after batch; the layer is
# documented as safe in tf.data.
# Seen (Keras 3.15.1, TensorFlow 2.21.0): the operations are drawn by Python's random, so while the pipeline
# is traced, and not by the layer's seed. Of 12 pipelines with one operation a chain each changes all of its
# 30 batches or none of them; called batch after batch the layer changes some.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1
cat >"$folder/chains.py" <<'PYTHON'
import random

import keras
import numpy as np
import tensorflow as tf

# A factor of 0 leaves an image as it is by most operations: not by those that take no strength.
image = np.tile(np.arange(20, 148, 4, dtype="float32")[:, None], (32, 1, 3))[None]


def changed(batches):
    """How many of the batches differ from the image."""
    return sum(bool(np.abs(np.asarray(batch) - image).max() > 1) for batch in batches)


def layer():
    return keras.layers.AugMix(num_chains=1, chain_depth=1, factor=0.0, alpha=50.0, seed=0)


random.seed(0)
data = tf.data.Dataset.from_tensors(image).repeat(30)
pipelines = []
for _ in range(12):
    augment = layer()
    pipelines.append(changed(data.map(lambda x: augment(x, training=True))))
augment = layer()
called = [changed(augment(image, training=True) for _ in range(30)) for _ in range(3)]
print("changed of 30, by pipeline:", pipelines, "called batch after batch:", called)
assert set(pipelines) == {0, 30} and all(0 < count < 30 for count in called)
PYTHON
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/chains.py" 2>/dev/null
