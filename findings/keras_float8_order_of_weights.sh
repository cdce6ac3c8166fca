#!/usr/bin/env bash
# Keras 3 lists the weights of a float8 Dense in another order after a reload of its config.
#
# Guess: a layer made from the config of another has its weights in the same order, so that
# `set_weights(get_weights())` copies them.
# Seen (Keras 3.15.1 on JAX 0.10.2): after `quantize("float8")` the kernel and the bias stand before
# the scales and histories of float8, and after `from_config` and `build` behind them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/order.py" <<'PYTHON'
import sys

import keras

layer = keras.layers.Dense(3)
layer.build((None, 4))
layer.quantize("float8")
again = keras.layers.Dense.from_config(layer.get_config())
again.build((None, 4))
orders = [[weight.name for weight in each.weights] for each in (layer, again)]
print(f"Keras {keras.__version__} on {keras.backend.backend()}:")
print(*orders, sep="\n")
sys.exit(orders[0] == orders[1] or sorted(orders[0]) != sorted(orders[1]))
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" "$folder/venv/bin/python" "$folder/order.py"
