#!/usr/bin/env bash
# With Keras's SwapEMAWeights(swap_on_epoch=True) a training that is stopped early ends without its averages.
#
# Guess: fit ends with the averages of the weights, whether it ran all its epochs or a callback such as
# EarlyStopping ended it; it does so without SwapEMAWeights.
# Seen (Keras 3.15.1): the callback gives the averages back in the last of all epochs alone. Stopped before
# that, averages and weights are exchanged when fit writes the averages, and the network has the bare
# weights.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/swap.py" <<'PYTHON'
import keras
import numpy as np

one, zero = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")


class Stop(keras.callbacks.Callback):
    """Stops after the fifth epoch."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 4


def trained(epochs, *callbacks):
    """The weight of w^2 after steps of 0.1 from 1, with an average of momentum 0.9."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
    model.fit(one, zero, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return round(float(np.asarray(layer.kernel).item()), 4)


def swap():
    return keras.callbacks.SwapEMAWeights(swap_on_epoch=True)


seen = {
    "five epochs": trained(5),
    "five epochs, swapped": trained(5, swap()),
    "stopped after five": trained(9, Stop()),
    "stopped after five, swapped": trained(9, swap(), Stop()),
}
print(seen, "bare:", round(0.8**5, 4))
*averages, bare = seen.values()
assert set(averages) == {0.6826} and bare == 0.3277
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/swap.py"
