#!/usr/bin/env bash
# With Keras's EarlyStopping(restore_best_weights=True) the moving average of use_ema is lost.
#
# Guess: after fit the network has the average of its weights, as use_ema=True promises for the end of fit;
# or the average of the best epoch.
# Seen (Keras 3.15.1): fit writes the average into the weights, and the callback then restores the bare
# weights of the best epoch over it, without a word, whether it stopped the training or not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/ema.py" <<'PYTHON'
import keras
import numpy as np

one, zero = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")


def trained(*callbacks):
    """The weight of w^2 after five steps of 0.1 from 1, with an average of momentum 0.9."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
    model.fit(one, zero, epochs=5, verbose=0, callbacks=list(callbacks))
    return float(np.asarray(layer.kernel).item())


bare = 0.8**5
average = 0.8  # Keras's average begins with the weights after the first step
for step in range(2, 6):
    average = 0.9 * average + 0.1 * 0.8**step
without = trained()
stopping = trained(keras.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True))
print(f"average {average:.4f}, bare {bare:.4f}; without the callback {without:.4f}, with it {stopping:.4f}")
assert abs(without - average) < 1e-4 and abs(stopping - bare) < 1e-4
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/ema.py" "$folder"
