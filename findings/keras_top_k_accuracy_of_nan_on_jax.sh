#!/usr/bin/env bash
# A network whose outputs are all nan has a top-5 accuracy of 100 % on JAX, and 0 % on TensorFlow.
#
# Guess: nan is never among the best, so that a diverged network is seen by its accuracy.
# Seen (Keras 3.15.1, JAX 0.10.2): SparseTopKCategoricalAccuracy and TopKCategoricalAccuracy give 1.0
# for scores of nan alone. On TensorFlow 2.21.0 they give 0.0. The top-1 accuracy is the share of the
# first class on both, since the largest of nan is the first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 tensorflow-cpu==2.21.0
cat >"$folder/top.py" <<'PYTHON'
import keras
import numpy as np

labels, scores = np.arange(100) % 10, np.full((100, 10), np.nan, "float32")
found = {}
for metric in (
    keras.metrics.SparseCategoricalAccuracy(),
    keras.metrics.SparseTopKCategoricalAccuracy(5),
    keras.metrics.TopKCategoricalAccuracy(5),
):
    sparse = metric.name.startswith("sparse")
    metric.update_state(labels if sparse else np.eye(10, dtype="float32")[labels], scores)
    found[metric.name] = round(float(metric.result()), 3)
print(keras.backend.backend(), found)
expected = 1.0 if keras.backend.backend() == "jax" else 0.0
assert list(found.values()) == [0.1, expected, expected]
PYTHON
for backend in jax tensorflow; do
  KERAS_BACKEND="$backend" TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/top.py"
done
