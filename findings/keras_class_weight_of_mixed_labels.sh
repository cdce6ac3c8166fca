#!/usr/bin/env bash
# Keras's `class_weight` takes the class of the largest probability for the whole of a mixed label.
#
# Guess: a label of 0.6 of one class and 0.4 of another (MixUp, CutMix) gets the weights of both in this proportion:
# with weights 1 and 10, 4.6.
# Seen (Keras 3.15.1): it gets 1, that of the larger; at 0.4 and 0.6 it gets 10.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/class.py" <<'PYTHON'
import keras
import numpy as np

model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, "softmax", kernel_initializer="zeros")])
model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
for label, weight in (([0.6, 0.4], 1.0), ([0.4, 0.6], 10.0)):
    history = model.fit(np.ones((2, 1)), np.array([label] * 2), class_weight={0: 1.0, 1: 10.0}, verbose=0)
    # Both outputs are 0.5: the cross-entropy of any label is ln 2.
    seen = history.history["loss"][0] / np.log(2)
    print(label, "weighs", round(seen, 3))
    assert abs(seen - weight) < 1e-3
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/class.py"
