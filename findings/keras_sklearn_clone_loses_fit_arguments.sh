#!/usr/bin/env bash
# A clone of Keras's SKLearnClassifier has no fit_kwargs.
#
# Guess: sklearn.base.clone gives a classifier with the same parameters; so cross_val_score trains for the
# epochs of fit_kwargs.
# Seen (Keras 3.15.1, scikit-learn 1.9.1): the clone has model, warm_start and model_kwargs. With
# fit_kwargs={"epochs": 30} fit trains for 30 epochs, and each fold of cross_val_score for one, with
# the progress bar that verbose=0 had turned off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 scikit-learn==1.9.1
cat >"$folder/clone.py" <<'PYTHON'
import keras
import numpy as np
from keras.wrappers import SKLearnClassifier
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

epochs = []


class Count(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        epochs.append(self.params["epochs"])


class Counted(keras.Sequential):
    def fit(self, *arguments, **named):
        return super().fit(*arguments, callbacks=[Count()], **named)


def build(X, y):
    model = Counted([keras.Input(X.shape[1:]), keras.layers.Dense(y.shape[1], "softmax")])
    model.compile("adam", "categorical_crossentropy")
    return model


X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
y = np.arange(60) % 3
classifier = SKLearnClassifier(build, fit_kwargs={"epochs": 30, "verbose": 0})
classifier.fit(X, y)
cross_val_score(classifier, X, y, cv=3)
print("epochs of fit:", epochs[:1], "of the folds:", epochs[1:], "fit_kwargs of a clone:", clone(classifier).fit_kwargs)
assert epochs == [30, 1, 1, 1] and clone(classifier).fit_kwargs is None
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/clone.py"
