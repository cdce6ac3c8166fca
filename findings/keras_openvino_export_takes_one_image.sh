#!/usr/bin/env bash
# A network with Flatten, exported on Keras's OpenVINO backend, takes batches of one only.
#
# Guess: a model whose batch is unknown, (None, 4, 4, 3), is exported for any batch, as on
# TensorFlow; the exported input says (?, 4, 4, 3).
# Seen (Keras 3.15.1, OpenVINO 2026.4.1): the input says so, one image works, and three end in
# "the shape of input data (3.2.2.5) conflicts with the reshape pattern (1.20)". The export calls the
# model with one image and renames the axis afterwards; what was reshaped keeps the one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 openvino==2026.4.1 scipy==1.17.1
cat >"$folder/export.py" <<'PYTHON'
import sys

import keras
import numpy as np
import openvino
from keras import layers

path = f"{sys.argv[1]}/model.xml"
inputs = [keras.Input((4, 4, 3)), layers.Conv2D(5, 3), layers.Flatten(), layers.Dense(2)]
keras.Sequential(inputs).export(path, format="openvino", verbose=False)
compiled = openvino.Core().compile_model(path, "CPU")
images = np.zeros((3, 4, 4, 3), "float32")
print(f"Keras {keras.__version__}, OpenVINO {openvino.__version__[:8]}:", compiled.inputs[0].partial_shape)
print("one image:", compiled(images[:1])[0].shape)
try:
    print("three images:", compiled(images)[0].shape)
except RuntimeError as error:
    message = next(line for line in str(error).splitlines() if "conflicts" in line)
    print("three images:", message)
    sys.exit("(3.2.2.5) conflicts with the reshape pattern (1.20)" not in message)
sys.exit(1)
PYTHON
KERAS_BACKEND=openvino KERAS_HOME="$folder" "$folder/venv/bin/python" "$folder/export.py" "$folder"
