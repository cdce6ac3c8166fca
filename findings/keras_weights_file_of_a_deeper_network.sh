#!/usr/bin/env bash
# Keras's load_weights takes the file of a deeper network, and leaves its last layers out.
#
# Guess: a .weights.h5 of three layers is refused by a model of two, as the old .h5 was.
# Seen (Keras 3.15.1): the first two layers get theirs, and no word says that the file has more. The other way
# round, two layers into three, is an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/deeper.py" <<'PYTHON'
import sys
import warnings

import keras
import numpy as np


def network(layers):
    return keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(4) for _ in range(layers))])


two, three = network(2), network(3)
for name, model in (("two", two), ("three", three)):
    model.save_weights(f"{sys.argv[1]}/{name}.weights.h5")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    two.load_weights(f"{sys.argv[1]}/three.weights.h5")
equal = [np.array_equal(two.layers[k].kernel, three.layers[k].kernel) for k in range(2)]
print("three into two: loaded", equal, "warnings:", len(caught))
assert equal == [True, True] and not caught
try:
    network(3).load_weights(f"{sys.argv[1]}/two.weights.h5")
except ValueError as error:
    print("two into three:", str(error).splitlines()[0])
else:
    raise SystemExit("two layers went into three")
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/deeper.py" "$folder"
