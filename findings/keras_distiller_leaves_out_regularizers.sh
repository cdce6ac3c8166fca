#!/usr/bin/env bash
# Keras's Distiller trains the student without its regularizers.
#
# Guess: a kernel_regularizer of the student is part of the loss, as in its own fit.
# Seen (Keras 3.15.1): it is not, nor is anything else that its layers add by add_loss. With an L2 of 1.0 and
# nothing to learn, a step of SGD at 0.1 shrinks the kernel by 20 % in the student's own fit, and leaves
# it as it is in the Distiller's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/distill.py" <<'PYTHON'
import keras
import numpy as np
from keras.distillation import Distiller, LogitsDistillation

# Of an image of zeros the kernel gets no gradient but the regularizer's.
images, targets = np.zeros((8, 4), "float32"), np.zeros((8, 3), "float32")


def network():
    layer = keras.layers.Dense(3, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(1.0))
    return keras.Sequential([keras.Input((4,)), layer])


def kernel(model, student):
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(images, targets, batch_size=8, verbose=0)
    return float(np.asarray(student.layers[-1].kernel)[0, 0])


student = network()
alone = kernel(student, student)
student = network()
distilled = kernel(Distiller(network(), student, LogitsDistillation()), student)
print(f"kernel after a step: by itself {alone:.2f}, by the Distiller {distilled:.2f}")
assert abs(alone - 0.8) < 1e-6 and distilled == 1.0
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/distill.py"
