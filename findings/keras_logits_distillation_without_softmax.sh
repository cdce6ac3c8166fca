#!/usr/bin/env bash
# Keras's LogitsDistillation() takes the logits for probabilities.
#
# Guess: the divergence of the two networks' softmax at the temperature, times the temperature squared
# (Hinton et al., 2015), as its source has it for a KLDivergence.
# Seen (Keras 3.15.1): its default, "kl_divergence", is a function and no KLDivergence, and gets neither
# softmax nor square: the logits are clipped to 0 and 1. For a teacher's logits (4, 1, -2) and a student's
# (3, 3, -9) at a temperature of 2 the loss is -0.35; by Hinton et al. it is 1.23. With
# loss=keras.losses.KLDivergence() it is that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/distill.py" <<'PYTHON'
import keras
import numpy as np
from keras.distillation import LogitsDistillation

TEMPERATURE = 2.0
teacher = np.array([4, 1, -2], "float32")


def softmax(logits):
    exponentials = np.exp(logits / TEMPERATURE)
    return exponentials / exponentials.sum()


def losses(student):
    """By default, by a KLDivergence, and by the paper's formula."""
    student = np.array(student, "float32")
    p, q = softmax(teacher), softmax(student)
    return [
        float(LogitsDistillation(TEMPERATURE).compute_loss(teacher[None], student[None])),
        float(
            LogitsDistillation(TEMPERATURE, loss=keras.losses.KLDivergence()).compute_loss(
                teacher[None], student[None]
            )
        ),
        float(TEMPERATURE**2 * (p * np.log(p / q)).sum()),
    ]


for student in ((4, 1, -2), (3, 3, -9), (1, 4, -2)):
    default, named, paper = losses(student)
    print(student, f"default {default:.3f}, KLDivergence() {named:.3f}, Hinton et al. {paper:.3f}")
    assert abs(named - paper) < 1e-5
assert abs(losses((3, 3, -9))[0] + 0.3466) < 1e-3 and abs(losses((3, 3, -9))[2] - 1.2299) < 1e-3
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/distill.py"
