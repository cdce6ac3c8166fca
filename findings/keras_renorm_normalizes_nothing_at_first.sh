#!/usr/bin/env bash
# Keras's BatchNormalization(renorm=True) normalizes nothing in its first steps.
#
# Guess: r and d are limited as in the paper (Ioffe, 2017, section 4.1: to 1 and 0 for the first 5,000 steps, then
# relaxed to 3 and 5), so that it starts as batch normalization.
# Seen (Keras 3.15.1): without `renorm_clipping` they have no limit. The first output in training has the mean and
# the deviation of its input, since the moving mean is 0 and the moving deviation 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/renorm.py" <<'PYTHON'
import keras
import numpy as np

x = np.random.default_rng(0).normal(5.0, 3.0, (1000, 2)).astype("float32")
limits = {"rmax": 1.0, "rmin": 1.0, "dmax": 0.0}
for arguments, mean, deviation in (
    ({}, 0.0, 1.0),
    ({"renorm": True}, x.mean(0), x.std(0)),
    ({"renorm": True, "renorm_clipping": limits}, 0.0, 1.0),
):
    out = np.asarray(keras.layers.BatchNormalization(**arguments)(x, training=True))
    print(arguments, "mean", out.mean(0).round(3), "deviation", out.std(0).round(3))
    assert np.allclose(out.mean(0), mean, atol=0.01) and np.allclose(out.std(0), deviation, atol=0.01)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/renorm.py"
