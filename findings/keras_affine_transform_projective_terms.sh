#!/usr/bin/env bash
# keras.ops.image.affine_transform leaves out the last two of its eight numbers on JAX and PyTorch.
#
# Guess: as its docstring says, a point (x, y) is divided by k = c0 x + c1 y + 1 on every backend.
# Seen (Keras 3.15.1): TensorFlow 2.21.0 divides by k. On JAX 0.10.2 and PyTorch 2.13.0 c0 and c1 change
# nothing, without an error: a plane seen from the side comes out as seen from above.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 tensorflow-cpu==2.21.0 torch==2.13.0
cat >"$folder/affine.py" <<'PYTHON'
import keras
import numpy as np

ramp = np.broadcast_to(np.arange(5, dtype="float32")[None, :, None], (5, 5, 1))
transform = np.array([1, 0, 0, 0, 1, 0, 0.25, 0], "float32")  # k = x / 4 + 1
found = keras.ops.image.affine_transform(ramp, transform, data_format="channels_last")
found = keras.ops.convert_to_numpy(found)[0, :, 0]
print(keras.backend.backend(), found.round(3).tolist())
x = np.arange(5)
expected = x / (x / 4 + 1) if keras.backend.backend() == "tensorflow" else x
np.testing.assert_allclose(found, expected, atol=1e-3)
PYTHON
for backend in tensorflow jax torch; do
  KERAS_BACKEND="$backend" TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/affine.py"
done
