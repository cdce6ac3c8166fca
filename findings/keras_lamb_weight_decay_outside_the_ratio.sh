#!/usr/bin/env bash
# Keras's Lamb decays the weights outside the trust ratio.
#
# Guess: the decay is a part of the update whose norm is scaled to that of the weights (You et al., 2020,
# algorithm 2: r + lambda x), so that a step has the length rate times norm of the weights with any decay.
# Seen (Keras 3.15.1): the weights shrink by rate times decay first, and the ratio is of the rest. A step of weights
# (3, 4) at the rate 0.1 has the length 0.5 without a decay, and 0.54 with one of 0.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/lamb.py" <<'PYTHON'
import keras
import numpy as np

x, gradient, rate = np.array([3.0, 4.0], "float32"), np.ones(2, "float32"), 0.1
lengths = {}
for decay in (0.0, 0.1):
    variable = keras.Variable(x, name="kernel")
    optimizer = keras.optimizers.Lamb(rate, weight_decay=decay, epsilon=1e-12)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    step = x - keras.ops.convert_to_numpy(variable)
    lengths[decay] = np.linalg.norm(step)
    print("decay", decay, "step", step, "length", lengths[decay])
assert abs(lengths[0.0] - rate * 5) < 1e-4
shrunk = x * (1 - rate * 0.1)
outside = x - (shrunk - rate * np.linalg.norm(shrunk) * gradient / np.sqrt(2))
assert np.allclose(step, outside, atol=1e-4)
inside = rate * 5 * (gradient + 0.1 * x) / np.linalg.norm(gradient + 0.1 * x)
assert not np.allclose(step, inside, atol=0.02)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/lamb.py"
