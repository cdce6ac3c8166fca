#!/usr/bin/env bash
# Keras on JAX cannot export even a dense layer to OpenVINO.
#
# Guess: `model.export(path, format="openvino")` works on JAX: its code has a branch for JAX, and the
# error for other backends lists JAX among those that can.
# Seen (Keras 3.15.1, JAX 0.10.2, TensorFlow 2.21.0, OpenVINO 2026.4.1): "No conversion rule found for
# operations: XlaCallModule". The branch asks jax2tf for TensorFlow's own operations, and the JAX of
# today answers with one compiled module all the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 tensorflow==2.21.0 openvino==2026.4.1
cat >"$folder/export.py" <<'PYTHON'
import sys

import jax
import keras
import openvino

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
print(f"Keras {keras.__version__}, JAX {jax.__version__}, OpenVINO {openvino.__version__[:8]}:", end=" ")
try:
    model.export(f"{sys.argv[1]}/model.xml", format="openvino", verbose=False)
except Exception as error:
    message = next((line for line in str(error).splitlines() if "conversion rule" in line), "")
    print(message)
    sys.exit("XlaCallModule" not in message)
print("exported")
sys.exit(1)
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" TF_CPP_MIN_LOG_LEVEL=3 \
  "$folder/venv/bin/python" "$folder/export.py" "$folder"
