#!/usr/bin/env bash
# On PyTorch model.train() does not put the layers of a Keras model in training mode.
#
# Guess: a Keras model is a torch.nn.Module there, and train() and eval() decide whether dropout drops, as in
# any loop of PyTorch.
# Seen (Keras 3.15.1, PyTorch 2.13.0): model.training is True, and Dropout(0.5) drops nothing.
# Keras's own argument decides, model(x, training=True), also after eval().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0
cat >"$folder/mode.py" <<'PYTHON'
import keras
import torch

ones = torch.ones(64, 100)
model = keras.Sequential([keras.Input((100,)), keras.layers.Dropout(0.5)])


def zeros(**arguments):
    return round(float((model(ones, **arguments) == 0).float().mean()), 1)


model.train()
trained = model.training, zeros()
model.eval()
evaluated = model.training, zeros(), zeros(training=True)
print("after train(): training, dropped:", trained)
print("after eval(): training, dropped, dropped with training=True:", evaluated)
assert trained == (True, 0.0) and evaluated == (False, 0.0, 0.5)
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/mode.py"
