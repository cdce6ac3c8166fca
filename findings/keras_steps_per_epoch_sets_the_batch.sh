#!/usr/bin/env bash
# steps_per_epoch of Keras's fit changes the batch size.
#
# Guess: without batch_size batches have 32 images, as documented, and steps_per_epoch=4 ends an epoch after
# four batches of 32.
# Seen (Keras 3.15.1): without a batch_size it is the images divided by the steps: 1,000 images and four steps
# give batches of 250. With batch_size=32 there are four steps of 32. evaluate and predict do it by steps=.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/steps.py" <<'PYTHON'
import keras
import numpy as np



def batches(**arguments):
    """The steps of an epoch, and the images of the first of them."""
    sizes = []

    def loss(targets, outputs):
        sizes.append(targets.shape[0])
        return keras.losses.mean_squared_error(targets, outputs)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss, run_eagerly=True)
    images, targets = np.ones((1000, 2), "float32"), np.ones((1000, 1), "float32")
    model.fit(images, targets, verbose=0, **arguments)
    return int(model.optimizer.iterations), sizes[0]


seen = {
    "neither": batches(),
    "steps_per_epoch=4": batches(steps_per_epoch=4),
    "steps_per_epoch=4, batch_size=32": batches(steps_per_epoch=4, batch_size=32),
}
for given, (steps, size) in seen.items():
    print(f"{given}: {steps} steps of {size}")
assert list(seen.values()) == [(32, 32), (4, 250), (4, 32)]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/steps.py"
