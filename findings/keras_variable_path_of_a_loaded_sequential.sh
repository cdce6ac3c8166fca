#!/usr/bin/env bash
# A loaded Keras Sequential names its variables otherwise, and MultiOptimizer gives them to other optimizers.
#
# Guess: the path of a variable, by which OptimizerMap chooses its optimizer, is the same in a loaded model.
# Seen (Keras 3.15.1): "sequential/head/kernel" before, "head/kernel" after. The pattern "head/.*" meets no variable
# of the first and two of the second; a model so trained does not load with its optimizer. The paths of a
# functional model are "head/kernel" before and after, and it loads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/paths.py" <<'PYTHON'
import os

import keras
import numpy as np

layers, path = keras.layers, os.path.join(os.path.dirname(__file__), "model.keras")


def optimizer():
    body, head = (keras.optimizers.SGD(rate, momentum=0.9) for rate in (0.1, 0.01))
    return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(body, {"head/.*": head}))


def paths(model):
    return [variable.path for variable in model.layers[-1].variables]


x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
inputs = keras.Input((3,))
functional = keras.Model(inputs, layers.Dense(2, name="head")(layers.Dense(4, name="body")(inputs)))
sequential = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="body"), layers.Dense(2, name="head")])
for model in (functional, sequential):
    model.compile(optimizer(), "mse")
    model.fit(x, y, verbose=0)
    model.save(path)
    again = keras.models.load_model(path, compile=False)
    print(type(model).__name__, paths(model), "loaded:", paths(again))
    try:
        keras.models.load_model(path)
        loads = True
    except ValueError as error:
        print("ValueError:", str(error)[:60])
        loads = False
    assert paths(again) == ["head/kernel", "head/bias"]
    if model is functional:
        assert paths(model) == paths(again) and loads
    else:
        assert paths(model) == ["sequential/head/kernel", "sequential/head/bias"] and not loads
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/paths.py"
