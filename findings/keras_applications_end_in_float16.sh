#!/usr/bin/env bash
# The networks of keras.applications end in float16 under mixed_float16.
#
# Guess: their soft-max is in float32, as Keras's own guide to mixed precision advises for the last layer.
# Seen (Keras 3.15.1): VGG16, ResNet50V2 and MobileNetV3Small give probabilities in float16. What is below 3e-8 is 0,
# and each of a thousand equal classes has 0.00100040.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/ending.py" <<'PYTHON'
import keras
import numpy as np

keras.config.set_dtype_policy("mixed_float16")
for name, side in (("VGG16", 32), ("ResNet50V2", 32), ("MobileNetV3Small", 32)):
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(side, side, 3), classes=10, include_top=True)
    print(name, model.output.dtype, model.layers[-1].name)
    assert model.output.dtype == "float16"
even = np.asarray(keras.layers.Softmax()(keras.ops.zeros((1, 1000))))
print("each of a thousand equal classes", float(even[0, 0]))
assert even.dtype == np.float16 and abs(float(even[0, 0]) - 0.0010004) < 1e-7
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/ending.py"
