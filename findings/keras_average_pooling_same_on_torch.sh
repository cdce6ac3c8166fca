#!/usr/bin/env bash
# Keras 3's average pooling with padding="same" has other values on PyTorch than on TensorFlow.
#
# Guess: a window that hangs over the edge takes the mean of the values of the map that it covers,
# as TensorFlow does, on every backend.
# Seen (Keras 3.15.1, PyTorch 2.13.0, TensorFlow 2.21.0): where the padding is one-sided, the
# PyTorch backend repeats the values at the edge and counts them. Of the map 0, 1, 2, 3 the last
# window of 3, 2 apart, holds 2 and 3: mean 2.5 on TensorFlow, (2 + 3 + 3) / 3 on PyTorch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 tensorflow==2.21.0
cat >"$folder/pool.py" <<'PYTHON'
import sys

import keras
import numpy as np

row = np.arange(4, dtype="float32").reshape(1, 4, 1)
found = keras.ops.average_pool(row, 3, 2, "same", "channels_last")
last = float(keras.ops.convert_to_numpy(found)[0, -1, 0])
print(f"Keras {keras.__version__} on {keras.backend.backend()}: {last:.4f}")
sys.exit(abs(last - float(sys.argv[1])) > 1e-5)
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3 KERAS_HOME="$folder"
KERAS_BACKEND=tensorflow "$folder/venv/bin/python" "$folder/pool.py" 2.5
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/pool.py" 2.666667
