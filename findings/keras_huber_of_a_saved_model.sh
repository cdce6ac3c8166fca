#!/usr/bin/env bash
# A saved Keras model trains on with another Huber loss.
#
# Guess: `compile(loss=Huber(delta=5))` comes back from a `.keras` file with its delta, as a crossentropy does with
# its label smoothing.
# Seen (Keras 3.15.1): the configuration of Huber has no delta, and that of CosineSimilarity, a loss or a metric,
# no axis. The loaded model has a delta of 1: an error of 4 costs 3.5, where it cost 8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/huber.py" <<'PYTHON'
import os

import keras
import numpy as np

model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
x, y = np.zeros((2, 1), "float32"), np.full((2, 1), 4.0, "float32")
path = os.path.join(os.path.dirname(__file__), "model.keras")
model.compile("sgd", keras.losses.Huber(delta=5.0))
before = model.evaluate(x, y, verbose=0)
model.save(path)
after = keras.models.load_model(path).evaluate(x, y, verbose=0)
print("Huber of an error of 4:", before, "and after loading", after)
assert before == 8.0 and after == 3.5

smooth = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
assert type(smooth).from_config(smooth.get_config()).get_config()["label_smoothing"] == 0.1
a, b = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([[2.0, 0.5], [1.0, 1.0]])
for cosine in (keras.losses.CosineSimilarity(axis=0), keras.metrics.CosineSimilarity(axis=0)):
    again = type(cosine).from_config(cosine.get_config())
    mine, other = float(cosine(a, b)), float(again(a, b))
    print(type(cosine).__module__, mine, "and from its configuration", other)
    assert abs(mine - other) > 0.01
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/huber.py"
