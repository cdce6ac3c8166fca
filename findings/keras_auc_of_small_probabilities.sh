#!/usr/bin/env bash
# Keras's AUC of probabilities below 0.005 is 0.5, however well they are ordered.
#
# Guess: the area of what is given to a thousandth, as scikit-learn's: it depends on the order of the scores alone.
# Seen (Keras 3.15.1): 200 thresholds are spread evenly from 0 to 1, and nothing between two of them is told
# apart. A network for 1,000 classes, most of whose probabilities are near 0.001, has 0.5 where its order is
# perfect. from_logits=True has the same thresholds after a sigmoid. The pairs, counted one by one, give 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/auc.py" <<'PYTHON'
import keras
import numpy as np

labels = np.array([0] * 50 + [1] * 50)
scores = np.concatenate([np.linspace(0.0005, 0.0019, 50), np.linspace(0.0021, 0.0045, 50)])


def area(scores, **arguments):
    metric = keras.metrics.AUC(**arguments)
    metric.update_state(labels, scores)
    return float(metric.result())


pairs = np.mean(scores[labels == 1][:, None] > scores[labels == 0])
print("pairs in order:", pairs, "AUC:", area(scores), "of the scores times 200:", round(area(200 * scores), 3))
assert pairs == 1 and abs(area(scores) - 0.5) < 1e-3 and area(200 * scores) > 0.999
curve = area(scores, num_thresholds=20000)
print("with num_thresholds=20000:", round(curve, 3))
assert curve > 0.999
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/auc.py"
