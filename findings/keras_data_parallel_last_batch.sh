#!/usr/bin/env bash
# Keras's DataParallel on JAX fails at a last batch that its devices do not divide.
#
# Guess: fit, evaluate and predict take any number of images: the last batch is filled up or placed on
# fewer devices, as on one device or under TensorFlow's MirroredStrategy.
# Seen (Keras 3.15.1, JAX 0.10.2): on two devices seven images in batches of four raise IndivisibleError at
# the batch of three, in fit after the steps before it; one image for predict raises it, too. Eight go
# through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/parallel.py" <<'PYTHON'
import keras
import numpy as np

keras.distribution.set_distribution(keras.distribution.DataParallel())
images, targets = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
raised = {}
for count in (8, 7, 1):
    for name, data in (("fit", (images[:count], targets[:count])), ("predict", (images[:count],))):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        try:
            getattr(model, name)(*data, batch_size=4, verbose=0)
            raised[name, count] = None
        except Exception as error:
            raised[name, count] = type(error).__name__
for (name, count), error in raised.items():
    print(f"{name} of {count} images in batches of 4 on 2 devices:", error or "goes through")
assert raised["fit", 8] is None and raised["predict", 8] is None
assert {raised[key] for key in raised if key[1] != 8} == {"IndivisibleError"}
PYTHON
XLA_FLAGS=--xla_force_host_platform_device_count=2 KERAS_BACKEND=jax \
  "$folder/venv/bin/python" "$folder/parallel.py"
