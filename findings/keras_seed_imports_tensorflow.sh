#!/usr/bin/env bash
# Keras 3's set_random_seed imports TensorFlow, whatever the backend, where it is installed.
#
# Guess: with the PyTorch backend it seeds Python, NumPy and PyTorch, in milliseconds.
# Seen (Keras 3.15.1 on PyTorch 2.13.0): TensorFlow 2.21.0 is loaded by the first call, which then
# takes seconds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 torch==2.13.0
cat >"$folder/seed.py" <<'PYTHON'
import sys
import time

import keras

before = "tensorflow" in sys.modules
begin = time.time()
keras.utils.set_random_seed(0)
seconds = time.time() - begin
after = "tensorflow" in sys.modules
print(f"Keras {keras.__version__} on {keras.backend.backend()}: TensorFlow loaded before "
      f"set_random_seed: {before}, after: {after}; it took {seconds:.1f} s")
sys.exit((before, after) != (False, True))
PYTHON
KERAS_BACKEND=torch KERAS_HOME="$folder" TF_CPP_MIN_LOG_LEVEL=3 \
  "$folder/venv/bin/python" "$folder/seed.py"
