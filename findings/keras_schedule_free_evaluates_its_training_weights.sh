#!/usr/bin/env bash
# After training by Keras's ScheduleFreeAdamW the network does not have the weights for evaluation.
#
# Guess: evaluate, predict and save use x, the averaged sequence, as the docstring says; the authors' own optimizer has eval() for it.
# Seen (Keras 3.15.1): the weights stay at y, where the gradient is taken, 0.1 of z and 0.9 of x, in fit,
# after it and in what is saved; no method gives x. Here y is 0.136 and x is 0.186.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/average.py" <<'PYTHON'
import keras
import numpy as np

zs = []


class Trace(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.jax_state_sync()
        zs.append(float(np.asarray(self.model.optimizer._momentums[0]).item()))


# The loss is w^2: one image of 1, a target of 0.
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
model.compile(keras.optimizers.ScheduleFreeAdamW(0.1), "mse")
one, zero = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
model.fit(one, zero, epochs=20, verbose=0, callbacks=[Trace()])
x = float(np.mean(zs))
y = 0.1 * zs[-1] + 0.9 * x
predicted = float(model.predict(one, verbose=0).item())
print(f"predicted with w = {predicted:.4f}; y = {y:.4f}; x, for evaluation = {x:.4f}")
assert abs(predicted - y) < 1e-4 and abs(predicted - x) > 0.03
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/average.py"
