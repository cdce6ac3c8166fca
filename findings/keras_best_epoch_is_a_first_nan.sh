#!/usr/bin/env bash
# If the first value of what Keras's callbacks monitor is nan, the first epoch is the best for good.
#
# Guess: any number is better than nan, as it was in Keras 2, where the best began at infinity.
# Seen (Keras 3.15.1): the first value is taken as it comes, and nothing is less than nan. While the error
# falls in each further epoch, EarlyStopping with a patience of 3 stops after the fourth and restores the
# weights of the first, and ModelCheckpoint(save_best_only=True) has saved the first alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/nan.py" <<'PYTHON'
import sys

import h5py
import keras
import numpy as np

one, zero = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
model = keras.Sequential([keras.Input((1,)), layer])
model.compile(keras.optimizers.SGD(0.1), "mse")


class FirstNan(keras.callbacks.Callback):
    """The error of the first epoch is nan, as when a validation overflows once."""

    def on_epoch_end(self, epoch, logs):
        logs["error"] = float("nan") if epoch == 0 else logs["loss"]


path = f"{sys.argv[1]}/best.weights.h5"
callbacks = [
    FirstNan(),
    keras.callbacks.ModelCheckpoint(path, "error", save_best_only=True, save_weights_only=True, mode="min"),
    keras.callbacks.EarlyStopping("error", patience=3, mode="min", restore_best_weights=True),
]
errors = model.fit(one, zero, epochs=20, verbose=0, callbacks=callbacks).history["error"]
kept = float(np.asarray(layer.kernel).item())
model.load_weights(path)
saved = float(np.asarray(layer.kernel).item())
print("errors:", [round(error, 3) for error in errors])
print(f"restored: {kept:.2f}, saved: {saved:.2f}; after the first epoch it was {0.8:.2f}")
assert len(errors) == 4 and errors[1] > errors[2] > errors[3]
assert abs(kept - 0.8) < 1e-6 and abs(saved - 0.8) < 1e-6
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/nan.py" "$folder"
