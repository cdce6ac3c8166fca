#!/usr/bin/env bash
# Keras 3's first `fit` on TensorFlow traces the training step twice.
#
# Guess: a step is traced once for each shape of a batch, here once.
# Seen (Keras 3.15.1 on TensorFlow 2.21.0): twice. Outside of a strategy the variables of the
# optimizer and of the metrics are made within the first trace, and `tf.function` traces again what
# has made variables. If both are made before `fit`, the step is traced once: the time to the first
# step is about halved.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0
cat >"$folder/traces.py" <<'PYTHON'
import sys

import keras
import numpy as np
import tensorflow as tf

traced = []


class Counted(keras.Model):
    def train_step(self, data):
        traced.append(1)
        return super().train_step(data)


def traces(made_before):
    traced.clear()
    image = keras.Input((4,))
    model = Counted(image, keras.layers.Dense(2)(image))
    model.compile("adam", "mse", metrics=["mae"])
    x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    if made_before:
        model.optimizer.build(model.trainable_variables)
        model.compute_loss(x, y, model(x))
        model.compute_metrics(x, y, model(x))
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    return len(traced)


found = traces(False), traces(True)
print(f"Keras {keras.__version__} on TensorFlow {tf.__version__}: traced {found[0]} times; "
      f"with the variables made before: {found[1]}")
sys.exit(found != (2, 1))
PYTHON
KERAS_BACKEND=tensorflow KERAS_HOME="$folder" TF_CPP_MIN_LOG_LEVEL=3 \
  "$folder/venv/bin/python" "$folder/traces.py"
