#!/usr/bin/env bash
# Keras's load_weights gives a layer the weights of another name, and says nothing.
#
# Guess: a .weights.h5 goes by the names of the layers, as the old .h5 could with by_name=True.
# Seen (Keras 3.15.1): it goes by class and order: dense, dense_1. Two layers of one shape that are built in the
# other order get each other's weights.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/names.py" <<'PYTHON'
import sys

import keras
import numpy as np


def network(*names):
    return keras.Sequential([keras.Input((2,)), *(keras.layers.Dense(2, name=name) for name in names)])


saved, loaded = network("first", "second"), network("second", "first")
saved.save_weights(f"{sys.argv[1]}/model.weights.h5")
loaded.load_weights(f"{sys.argv[1]}/model.weights.h5")
got = np.asarray(loaded.get_layer("second").kernel)
by_name, by_order = (np.array_equal(got, saved.get_layer(name).kernel) for name in ("second", "first"))
print("the layer \"second\" got the weights of \"second\":", by_name, "of \"first\":", by_order)
assert by_order and not by_name
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/names.py" "$folder"
