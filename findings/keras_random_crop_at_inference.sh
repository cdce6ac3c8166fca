#!/usr/bin/env bash
# Keras's RandomCrop leaves the image as it is at inference.
#
# Guess: what its docstring says: at inference the input is resized and cropped to the target size, as in
# Keras 2, so that what follows sees one size.
# Seen (Keras 3.15.1): training=True gives 28x28, training=False the whole 32x32. So a network that is
# trained on crops of 28x28 is evaluated on 32x32 without a word where its pooling is global, and fails
# in predict, after the training, where it has a Flatten.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/crop.py" <<'PYTHON'
import keras
import numpy as np

images = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
layer = keras.layers.RandomCrop(28, 28)
model = keras.Sequential([keras.Input((32, 32, 3)), layer])
shapes = [tuple(layer(images, training=training).shape[1:3]) for training in (True, False)]
print("in training:", shapes[0], "at inference:", shapes[1], "declared:", model.output_shape[1:3])
assert shapes == [(28, 28), (32, 32)] and model.output_shape[1:3] == (28, 28)
assert np.array_equal(model.predict(images, verbose=0), images)

model = keras.Sequential([keras.Input((32, 32, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("sgd", "mse")
try:
    model.predict(images, verbose=0)
except ValueError:
    print("with Flatten and Dense, predict raises ValueError")
else:
    raise SystemExit("predict went through")
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/crop.py"
