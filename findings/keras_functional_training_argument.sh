#!/usr/bin/env bash
# A functional Keras 3 model forgets the `training=` that its layers were called with.
#
# Guess: `Dropout(0.5)(x, training=True)` drops in `predict`, too (Monte Carlo dropout), and
# `base(x, training=False)` keeps the statistics of a frozen base still in `fit`, as guides to
# transfer learning have it.
# Seen (Keras 3.15.1 on JAX 0.10.2): a call of the model with no `training` follows the argument. But
# `predict` gives training=False and `fit` gives training=True to the model, and that overrides the
# layers' own: nothing is dropped, and the moving averages of the base move.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/training.py" <<'PYTHON'
import keras
import numpy as np

keras.utils.set_random_seed(0)
x = np.ones((64, 100), "float32")
image = keras.Input((100,))
model = keras.Model(image, keras.layers.Dropout(0.5)(image, training=True))
called = float((np.asarray(model(x)) == 0).mean())
predicted = float((model.predict(x, verbose=0) == 0).mean())
print(f"zeros: {called:.2f} in a call, {predicted:.2f} in predict")
assert 0.4 < called < 0.6
assert predicted == 0

base = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
image = keras.Input((4,))
model = keras.Model(image, keras.layers.Dense(1)(base(image, training=False)))
model.compile("sgd", "mse")
model.fit(np.full((32, 4), 5.0, "float32"), np.zeros((32, 1)), verbose=0)
mean = np.asarray(base.layers[0].moving_mean)
print("moving average, at first 0:", mean)
np.testing.assert_allclose(mean, 0.05, rtol=1e-5)  # one step of the momentum 0.99 towards 5
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/training.py"
