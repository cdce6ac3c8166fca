#!/usr/bin/env bash
# A function as the learning rate of a Keras optimizer is called once in a training on JAX and on TensorFlow.
#
# Guess: it is called at each step, as the docstring lets one expect.
# Seen (Keras 3.15.1): the step is compiled with the number of the first call. A function that gives 0.1 and,
# from the third epoch on, 0 goes on with 0.1, while optimizer.learning_rate says 0. Eager on JAX, on PyTorch 2.13.0
# it is called at each step; TensorFlow 2.21.0 is as JAX.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/rate.py" <<'PYTHON'
import keras
import numpy as np

one, zero = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")


def trained(run_eagerly):
    """The weight of w^2 after each of five steps, the calls, and what the optimizer says."""
    rate, calls, weights = [0.1], [], []

    def learning_rate():
        calls.append(rate[0])
        return rate[0]

    class Lower(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rate[0] = 0.1 if epoch < 2 else 0.0

        def on_epoch_end(self, epoch, logs=None):
            weights.append(round(float(np.asarray(layer.kernel).item()), 3))

    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(learning_rate), "mse", run_eagerly=run_eagerly)
    model.fit(one, zero, epochs=5, verbose=0, callbacks=[Lower()])
    return weights, len(calls), float(model.optimizer.learning_rate)


compiled, eager = trained(False), trained(True)
print("compiled:", compiled)
print("eager:   ", eager)
assert compiled[0] == [0.8, 0.64, 0.512, 0.41, 0.328] and compiled[1] == 1 and compiled[2] == 0
assert eager[0] == [0.8, 0.64, 0.64, 0.64, 0.64]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/rate.py"
