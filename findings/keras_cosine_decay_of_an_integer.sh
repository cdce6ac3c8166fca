#!/usr/bin/env bash
# Keras 3's CosineDecay with an integer learning rate computes in integers: pi becomes 3.
#
# Guess: `CosineDecay(1, 100)` is `CosineDecay(1.0, 100)`, and ends at 0.
# Seen (Keras 3.15.1 on JAX 0.10.2): after the last step it is 0.005, (1 + cos(3)) / 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/cosine.py" <<'PYTHON'
import math
import sys

import keras

ends = [float(keras.optimizers.schedules.CosineDecay(rate, 100)(100)) for rate in (1.0, 1)]
print(f"Keras {keras.__version__} on {keras.backend.backend()}: {ends[0]:.6f} and {ends[1]:.6f}")
expected = (1 + math.cos(3)) / 2
sys.exit(abs(ends[0]) > 1e-6 or abs(ends[1] - expected) > 1e-4)
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" "$folder/venv/bin/python" "$folder/cosine.py"
