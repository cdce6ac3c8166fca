#!/usr/bin/env bash
# KerasCV's CutMix gives the labels of a whole patch where part of it lies outside of the image.
#
# Guess: the labels are mixed by the share of pixels that come from each image, as in the authors' code,
# which counts the patch again after it is clipped (Yun et al., 2019).
# Seen (KerasCV 0.9.0, Keras 3.15.1, TensorFlow 2.21.0): the patch is placed by its centre and clipped, the
# label keeps its whole area. Of 64 images of one colour each, 51 have a label that says more of the other
# image than there is, up to 3.5 times as much, and none one that says less. Keras's own CutMix is right to
# rounding.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 keras-cv==0.9.0
cat >"$folder/cutmix.py" <<'PYTHON'
import keras_cv
import numpy as np
import tensorflow as tf

tf.random.set_seed(0)
count = 64
images = tf.repeat(tf.repeat(tf.range(count, dtype=tf.float32)[:, None, None, None], 32, 1), 32, 2)
mixed = keras_cv.layers.CutMix(alpha=1.0, seed=0)({"images": images, "labels": tf.eye(count)})
pixels, labels = np.asarray(mixed["images"])[..., 0], np.asarray(mixed["labels"])
own = np.eye(count, dtype=bool)
said = np.where(own, 0, labels).sum(1)
there = np.array([(pixels[k] != k).mean() for k in range(count)])
more, less = said > there + 0.01, said < there - 0.01
print(f"of {count} labels {more.sum()} say more of the other image than there is, {less.sum()} less")
shown = np.where(there > 0.02, said / np.maximum(there, 0.02), 1)
print(f"at most {shown.max():.1f} times as much")
assert more.sum() > count // 4 and not less.any() and shown.max() > 1.5
PYTHON
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/cutmix.py" 2>/dev/null
