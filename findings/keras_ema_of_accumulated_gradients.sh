#!/usr/bin/env bash
# With gradient_accumulation_steps, Keras's use_ema averages after every batch, not after every update.
#
# Guess: the average of the weights moves when the weights do, so that ema_momentum means the same with and
# without accumulation.
# Seen (Keras 3.15.1, JAX 0.10.2): of four batches an update, the average moves four times. With momentum 0.5 and
# weights of 1, 2, 3 it is 2.469 and not 2.25. In the same way a momentum of 0.9999 becomes 0.9996.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/ema.py" <<'PYTHON'
import keras
import numpy as np


def average(steps):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    network = keras.Sequential([keras.Input((1,)), dense])
    rule = keras.optimizers.SGD(
        1.0, use_ema=True, ema_momentum=0.5, gradient_accumulation_steps=steps
    )
    network.compile(rule, loss=lambda target, output: output)
    images = np.full((3 * (steps or 1), 1), -1, "float32")  # the kernel grows by 1 each update
    network.fit(images, images, batch_size=1, verbose=0)
    return float(network.get_weights()[0][0, 0])  # which are the average now


found = {steps: average(steps) for steps in (None, 4)}
print("batches an update: average of the weight:", found)
assert found == {None: 2.25, 4: 2.46875}
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/ema.py"
