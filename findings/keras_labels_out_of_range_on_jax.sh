#!/usr/bin/env bash
# Labels from 1 to n instead of 0 to n - 1 train on JAX without an error.
#
# Guess: `fit` with sparse_categorical_crossentropy refuses a label for which there is no unit, as on
# TensorFlow and PyTorch on a CPU.
# Seen (Keras 3.15.1, JAX 0.10.2): the loss of such an image is 0, and it has no gradient. Its class is never
# learned, and the mean loss is the smaller for it. TensorFlow 2.21.0 raises InvalidArgumentError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 tensorflow-cpu==2.21.0
cat >"$folder/labels.py" <<'PYTHON'
import keras
import numpy as np

network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
network.compile("sgd", "sparse_categorical_crossentropy")
before = network.get_weights()[0]
images = np.ones((8, 3), "float32")
try:
    loss = network.fit(images, np.full(8, 4), verbose=0).history["loss"]
    same = bool((network.get_weights()[0] == before).all())
    print(keras.backend.backend(), "loss of the label 4 with four units:", loss, "- unchanged:", same)
    assert keras.backend.backend() == "jax" and loss == [0.0] and same
except Exception as error:
    print(keras.backend.backend(), type(error).__name__)
    assert keras.backend.backend() == "tensorflow"
    assert type(error).__name__ == "InvalidArgumentError"
PYTHON
for backend in jax tensorflow; do
  KERAS_BACKEND="$backend" TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/labels.py"
done
