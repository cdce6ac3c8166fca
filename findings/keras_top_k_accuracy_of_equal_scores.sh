#!/usr/bin/env bash
# Keras's top-5 accuracy of equal scores is 100 %.
#
# Guess: five of a thousand classes can be among the first five: 0.5 %.
# Seen (Keras 3.15.1): whatever ties with the fifth counts as among the first five. A network whose last
# layer starts at zero, as ViT's does, has a top-5 accuracy of 1.0 before its first step, with an accuracy
# of 0.001. So on JAX; TensorFlow 2.21.0 and PyTorch 2.13.0 give the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/ties.py" <<'PYTHON'
import keras
import numpy as np

model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1000, "softmax", kernel_initializer="zeros")])
top5 = keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5")
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", top5])
images = np.random.default_rng(0).normal(size=(1000, 8)).astype("float32")
found = model.evaluate(images, np.arange(1000), verbose=0, return_dict=True)
print(found)
assert found["top5"] == 1.0 and abs(found["accuracy"] - 0.001) < 1e-6
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/ties.py"
