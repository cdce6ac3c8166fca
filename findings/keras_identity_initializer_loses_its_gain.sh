#!/usr/bin/env bash
# Four Keras objects are rebuilt without one of their arguments.
#
# Guess: `from_config(get_config())` gives the same object: with its gain, seed or fill value.
# Seen (Keras 3.15.1): the configurations of initializers.Identity have no gain, of RandomGrayscale no seed, of
# MaxNumBoundingBoxes no fill value and of CategoryEncoding no `sparse`. So a model from its JSON starts a layer with
# Identity(gain=3) from ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/rebuilt.py" <<'PYTHON'
import keras
import numpy as np

layer = keras.layers.Dense(2, kernel_initializer=keras.initializers.Identity(gain=3.0))
model = keras.Sequential([keras.Input((2,)), layer])
again = keras.models.model_from_json(model.to_json())
print(np.asarray(layer.kernel).tolist(), "and rebuilt", np.asarray(again.layers[0].kernel).tolist())
assert np.array_equal(layer.kernel, 3 * np.eye(2)) and np.array_equal(again.layers[0].kernel, np.eye(2))


def rebuilt(layer):
    return type(layer).from_config(layer.get_config())


grey, boxes = keras.layers.RandomGrayscale(seed=5), keras.layers.MaxNumBoundingBoxes(3, fill_value=7)
one_hot = keras.layers.CategoryEncoding(3, sparse=True)
print("seed", grey.seed, rebuilt(grey).seed)
print("fill_value", boxes.fill_value, rebuilt(boxes).fill_value)
print("sparse", one_hot.sparse, rebuilt(one_hot).sparse)
assert grey.seed == 5 and rebuilt(grey).seed is None
assert boxes.fill_value == 7 and rebuilt(boxes).fill_value == -1
assert one_hot.sparse and not rebuilt(one_hot).sparse
# Others do:
gain = rebuilt(keras.initializers.Orthogonal(gain=3.0)).gain
assert gain == 3.0
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/rebuilt.py"
