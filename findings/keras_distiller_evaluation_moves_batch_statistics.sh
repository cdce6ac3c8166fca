#!/usr/bin/env bash
# evaluate of Keras's Distiller with FeatureDistillation changes the student.
#
# Guess: evaluate changes no weights; and in fit each batch enters the moving averages of batch
# normalization once.
# Seen (Keras 3.15.1): for its features the student runs a second time, always in training mode. One
# evaluate of one batch moves its batch normalization by one step, and one step of fit moves it by two.
# LogitsDistillation does neither.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/distill.py" <<'PYTHON'
import keras
import numpy as np
from keras.distillation import Distiller, FeatureDistillation, LogitsDistillation

images = np.full((8, 4), 3, "float32") + np.arange(8, dtype="float32")[:, None]
labels = np.arange(8) % 3


def network():
    x = keras.Input((4,))
    y = keras.layers.BatchNormalization(momentum=0.9, name="norm")(x)
    return keras.Model(x, keras.layers.Dense(3, "softmax")(y))


def steps(losses, train):
    """By how many steps of 0.1 towards the batch's mean the moving mean, at first 0, has come."""
    student = network()
    distiller = Distiller(network(), student, losses)
    distiller.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    (distiller.fit if train else distiller.evaluate)(images, labels, batch_size=8, verbose=0)
    share = float(np.asarray(student.get_layer("norm").moving_mean)[0] / images[:, 0].mean())
    return round(float(np.log(1 - share) / np.log(0.9)), 2)


features = FeatureDistillation(teacher_layer_name="norm", student_layer_name="norm", loss="mse")
seen = {
    f"{name}, {'fit' if train else 'evaluate'}": steps(losses, train)
    for name, losses in (("logits", LogitsDistillation()), ("features", features))
    for train in (False, True)
}
print(seen)
assert list(seen.values()) == [0, 1, 1, 2]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/distill.py"
