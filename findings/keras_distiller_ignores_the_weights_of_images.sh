#!/usr/bin/env bash
# fit of Keras's Distiller takes sample_weight and class_weight, and does not use them.
#
# Guess: they weight the student's loss, or are refused.
# Seen (Keras 3.15.1): with weights of 0 for all images, and with all weight on one class, the same losses
# are reported and the same weights learned as without.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/distill.py" <<'PYTHON'
import keras
import numpy as np
from keras.distillation import Distiller, LogitsDistillation

images = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
labels = np.arange(12) % 3


def network(start):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, kernel_initializer=start)])


def trained(**weights):
    student = network("ones")
    distiller = Distiller(network(keras.initializers.RandomNormal(seed=0)), student, LogitsDistillation())
    distiller.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loss = distiller.fit(images, labels, batch_size=12, verbose=0, **weights).history["student_loss"]
    return loss[0], np.asarray(student.layers[-1].kernel)


plain = trained()
for weights in ({"sample_weight": np.zeros(12)}, {"class_weight": {0: 100.0, 1: 0.0, 2: 0.0}}):
    loss, kernel = trained(**weights)
    print(next(iter(weights)), f"loss {loss:.4f}, without {plain[0]:.4f}; kernels equal:", (kernel == plain[1]).all())
    assert loss == plain[0] and (kernel == plain[1]).all()
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/distill.py"
