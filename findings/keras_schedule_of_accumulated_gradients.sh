#!/usr/bin/env bash
# With gradient_accumulation_steps, a learning-rate schedule of Keras counts batches, not updates.
#
# Guess: the schedule is asked for optimizer.iterations, which counts the updates of the weights.
# Seen (Keras 3.15.1, JAX 0.10.2): with four batches an update, a rate that is to drop after the fourth update drops
# after the first. optimizer.iterations says 5 after five updates, but the schedule was asked for 3, 7, 11, 15, 19.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/schedule.py" <<'PYTHON'
import keras
import numpy as np


def updates(steps):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([3], [1.0, 0.125])  # 0 to 3: 1
    weight = keras.Variable(np.zeros(1, "float32"))
    rule = keras.optimizers.SGD(schedule, gradient_accumulation_steps=steps)
    rule.build([weight])
    places = [0.0]
    for _ in range(5 * (steps or 1)):
        rule.apply([keras.ops.convert_to_tensor(np.array([-1], "float32"))], [weight])
        places.append(float(keras.ops.convert_to_numpy(weight)[0]))
    found = [after - before for before, after in zip(places, places[1:]) if after != before]
    return found, int(rule.iterations)


for steps in (None, 4):
    print("batches an update:", steps, "- (steps of the weight, iterations):", updates(steps))
assert updates(None) == ([1.0, 1.0, 1.0, 1.0, 0.125], 5)
assert updates(4) == ([1.0, 0.125, 0.125, 0.125, 0.125], 5)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/schedule.py"
