#!/usr/bin/env bash
# On Keras's OpenVINO backend `predict` computes in bfloat16 where the processor does.
#
# Guess: under the policy float32, `model.predict(x)` and `model(x)` agree to about 1e-6.
# Seen (Keras 3.15.1, OpenVINO 2026.4.1, a processor with AVX512-BF16 or AMX): two dense layers give
# outputs of 4 that differ by 0.017. A call asks the engine for float32; `predict` asks for nothing,
# and the engine chooses bfloat16. On a processor without it both agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 openvino==2026.4.1 scipy==1.17.1
cat >"$folder/predict.py" <<'PYTHON'
import sys

import keras
import numpy as np
import openvino
from keras import layers

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), layers.Dense(64), layers.Dense(10)])
x = np.random.default_rng(0).normal(size=(8, 64)).astype("float32")
called = keras.ops.convert_to_numpy(model(x))
off = np.abs(model.predict(x, verbose=0) - called).max() / np.abs(called).max()
has = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
print(f"Keras {keras.__version__}, OpenVINO {openvino.__version__[:8]}, {model.dtype_policy.name}:", end=" ")
print(f"they differ by {off:.1e} of the largest output; this processor has bfloat16: {has}")
sys.exit(bool((off > 1e-3) != has))
PYTHON
KERAS_BACKEND=openvino KERAS_HOME="$folder" "$folder/venv/bin/python" "$folder/predict.py"
