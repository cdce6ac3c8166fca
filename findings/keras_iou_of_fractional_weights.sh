#!/usr/bin/env bash
# Keras's IoU metrics round the weights of images down, so that weights below 1 count nothing.
#
# Guess: sample_weight weighs the confusion matrix, as the example in its documentation has it: with 0.3, 0.3, 0.3
# and 0.1 the IoU of class 0 is a third.
# Seen (Keras 3.15.1): the matrix is of integers, unless dtype="float32". The example gives 0, without a
# word; for weights in an array there is a warning that they may be cast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/iou.py" <<'PYTHON'
import warnings

import keras
import numpy as np

labels, answers, weights = [0, 0, 1, 1], [0, 1, 0, 1], [0.3, 0.3, 0.3, 0.1]
found, warned = {}, {}
for name, dtype, given in (("list", None, weights), ("array", None, np.array(weights)), ("float32", "float32", weights)):
    metric = keras.metrics.IoU(num_classes=2, target_class_ids=[0], dtype=dtype)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        metric.update_state(labels, answers, sample_weight=given)
    warned[name] = any("weight" in str(each.message) for each in said)
    found[name] = float(metric.result())
    print(name, metric.total_cm.dtype, found[name], "warned:", warned[name])
assert warned == {"list": False, "array": True, "float32": False}
assert found["list"] == found["array"] == 0 and abs(found["float32"] - 1 / 3) < 1e-6
half = keras.metrics.MeanIoU(num_classes=2)
half.update_state(labels, labels, sample_weight=[1.9] * 4)
assert float(half.total_cm[0, 0]) == 2  # not 3.8
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/iou.py"
