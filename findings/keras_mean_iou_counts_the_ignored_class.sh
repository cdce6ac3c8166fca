#!/usr/bin/env bash
# Keras's MeanIoU counts the ignored class with 0, as soon as the network answers it once.
#
# Guess: with `ignore_class=0` the mean is over the other classes: here of 1/2 and 1, 0.75.
# Seen (Keras 3.15.1): pixels of the class are left out, but an answer of it for another pixel gives the class a union
# without an intersection: the mean is of 0, 1/2 and 1, 0.5. With 255 as the ignored class it is over the classes as
# guessed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/mean.py" <<'PYTHON'
import keras

labels, answers = [0, 1, 1, 2], [0, 1, 0, 2]
metric = keras.metrics.MeanIoU(3, ignore_class=0)
metric.update_state(labels, answers)
mean = float(metric.result())
others = keras.metrics.IoU(3, target_class_ids=[1, 2], ignore_class=0)
others.update_state(labels, answers)
print("mean", round(mean, 4), "of classes 1 and 2", round(float(others.result()), 4))
assert abs(mean - 0.5) < 1e-5 and abs(float(others.result()) - 0.75) < 1e-5
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/mean.py"
