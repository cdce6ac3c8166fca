#!/usr/bin/env bash
# The GradCAM of tf-explain is by default not Grad-CAM: it drops negative maps and gradients.
#
# Guess: GradCAM().explain(...) weighs the maps by the mean of their gradients, as equation 1 of
# the paper (Selvaraju et al., 2017).
# Seen (tf-explain 0.3.1, TensorFlow 2.21.0, Keras 3.15.1): the gradients are first set to 0 where
# they or the maps are negative, as in guided backpropagation (use_guided_grads=True). Of the network
# below the largest value is several times that of the equation; with use_guided_grads=False it is
# the equation's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 \
  matplotlib==3.11.2 opencv-python-headless==4.13.0.92
"$folder/venv/bin/pip" install --quiet --no-deps tf-explain==0.3.1
cat >"$folder/cam.py" <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf
from tf_explain.core.grad_cam import GradCAM

keras.utils.set_random_seed(0)
image = keras.Input((16, 16, 3))
x = keras.layers.Conv2D(8, 3, activation="relu", name="maps")(image)
x = keras.layers.Conv2D(8, 3, activation="relu")(x)
model = keras.Model(image, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x)))
images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
both = keras.Model(image, [model.get_layer("maps").output, model.output])
with tf.GradientTape() as tape:
    maps, scores = both(images)
    score = scores[:, 1]
weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
equation = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
differences = {}
for guided in (True, False):
    maps, gradients = GradCAM.get_gradients_and_filters(model, images, "maps", 1, guided)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    found = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
    differences[guided] = abs(found - equation).max() / equation.max()
    print(f"use_guided_grads={guided}: differs by {differences[guided]:.3f} of the largest value")
assert differences[True] > 0.5 and differences[False] < 1e-5
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=tensorflow KERAS_HOME="$folder" \
  "$folder/venv/bin/python" -W ignore "$folder/cam.py"
