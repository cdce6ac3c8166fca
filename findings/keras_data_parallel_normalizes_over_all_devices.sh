#!/usr/bin/env bash
# Under Keras's DataParallel batch normalization is over the images of all devices.
#
# Guess: each device normalizes its own images, unless synchronized=True, as under TensorFlow's
# MirroredStrategy.
# Seen (Keras 3.15.1, JAX 0.10.2): two devices with four images each take the variance of all eight, 21, not
# the 5 of four; synchronized=True, which says so, is refused on JAX. A training by DataParallel is that
# of one device.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/parallel.py" <<'PYTHON'
import jax
import keras
import numpy as np

assert len(jax.devices()) == 2
keras.distribution.set_distribution(keras.distribution.DataParallel())
values = np.arange(0, 16, 2, dtype="float32")[:, None]
# With a momentum of 0 the moving variance is that of the last batch.
norm = keras.layers.BatchNormalization(momentum=0.0)
model = keras.Sequential([keras.Input((1,)), norm])
model.compile(keras.optimizers.SGD(0.0), "mse")
model.fit(values, values, batch_size=8, shuffle=False, verbose=0)
seen = float(np.asarray(norm.moving_variance)[0])
print("variance:", seen, "of all eight:", values.var(), "of four:", values[:4].var())
assert seen == values.var() == 21 and values[:4].var() == 5
try:
    keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization(synchronized=True)])
except ValueError as error:
    print(str(error).splitlines()[0])
else:
    raise SystemExit("synchronized=True went through")
PYTHON
XLA_FLAGS=--xla_force_host_platform_device_count=2 KERAS_BACKEND=jax \
  "$folder/venv/bin/python" "$folder/parallel.py"
