#!/usr/bin/env bash
# A training that Keras's BackupAndRestore goes on with draws the dropout of its first epochs once more.
#
# Guess: interrupted after two epochs and resumed, it ends with the weights of the uninterrupted training.
# Seen (Keras 3.15.1, JAX 0.10.2): it does without dropout. With dropout it does not: neither .weights.h5 nor .keras
# has the states of the seed generators, though they are among the model's variables, so that a resumed process
# begins its draws anew. Noise and augmentation layers have the same states.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/resume.py" <<'PYTHON'
import sys
import tempfile

import keras
import numpy as np

rng = np.random.default_rng(0)
images, targets = rng.normal(size=(64, 8)).astype("float32"), rng.normal(size=(64, 1))


def network(rate):
    start = keras.initializers.GlorotUniform(seed=1)
    dense = keras.layers.Dense(1, kernel_initializer=start)
    found = keras.Sequential([keras.Input((8,)), keras.layers.Dropout(rate, seed=2), dense])
    found.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    return found


class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


class Anew(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.first = [np.asarray(state) for state in self.states()]

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            for state, first in zip(self.states(), self.first):
                state.assign(first)

    def states(self):
        return [each for each in self.model.non_trainable_variables if "seed" in each.path]


def train(rate, interrupted=False, more=()):
    folder = tempfile.mkdtemp(dir=sys.argv[1])
    backup = keras.callbacks.BackupAndRestore(folder)
    shared = {"epochs": 4, "batch_size": 16, "shuffle": False, "verbose": 0}
    if interrupted:
        try:
            network(rate).fit(images, targets, callbacks=[backup, Stop()], **shared)
        except KeyboardInterrupt:
            pass
    model = network(rate)
    model.fit(images, targets, callbacks=[backup, *more], **shared)
    return model.get_weights()[0].ravel()


apart = {}
for rate in (0.0, 0.5):
    resumed = train(rate, interrupted=True)
    apart[rate] = [float(np.abs(resumed - train(rate, more=more)).max()) for more in ((), [Anew()])]
    print("dropout", rate, "largest difference of a weight from a training that was not interrupted,")
    print("and from one whose dropout begins anew in the third epoch:", apart[rate])
assert max(apart[0.0]) < 1e-6 and apart[0.5][0] > 1e-3 and apart[0.5][1] < 1e-6
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/resume.py" "$folder"
