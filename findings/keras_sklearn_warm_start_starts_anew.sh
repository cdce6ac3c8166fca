#!/usr/bin/env bash
# Keras's SKLearnClassifier(warm_start=True) begins each fit with new weights.
#
# Guess: as documented, a second fit goes on with the weights of the first, and a given model is trained itself.
# Seen (Keras 3.15.1, scikit-learn 1.9.1): warm_start is kept and not looked at. After a fit that moved the
# weights a second one begins where the first did, and a given model itself is never trained.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 scikit-learn==1.9.1
cat >"$folder/warm.py" <<'PYTHON'
import keras
import numpy as np
from keras.wrappers import SKLearnClassifier

X, y = np.eye(6, 4, dtype="float32"), np.arange(6) % 3
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", kernel_initializer="zeros")])
model.compile(keras.optimizers.SGD(1.0), "categorical_crossentropy")
classifier = SKLearnClassifier(model, warm_start=True, fit_kwargs={"verbose": 0, "shuffle": False})
losses = []
for _ in range(3):
    classifier.fit(X, y)
    losses.append(round(float(classifier.history_.history["loss"][0]), 4))
moved = bool(np.any(classifier.model_.weights[0]))
print("loss of the epoch of three fits:", losses, "weights of the given model moved:", bool(np.any(model.weights[0])))
assert len(set(losses)) == 1 and moved and not np.any(model.weights[0])
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/warm.py"
