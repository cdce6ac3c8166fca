#!/usr/bin/env bash
# Keras's Muon updates the projections of MultiHeadAttention by AdamW.
#
# Guess: Muon is for the matrices of the hidden layers, and those of attention are the first that one
# thinks of (Jordan et al., 2024; Liu et al., 2025).
# Seen (Keras 3.15.1): only variables of two dimensions get its update, and the four kernels of
# MultiHeadAttention have three. Of the seven kernels of an encoder block and its head two that are no
# attention, and the head itself, get it; convolutions do not either.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/muon.py" <<'PYTHON'
import keras
import numpy as np

tokens = x = keras.Input((5, 8))
x = x + keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
x = x + keras.layers.Dense(8, name="mlp2")(keras.layers.Dense(32, "gelu", name="mlp1")(x))
model = keras.Model(tokens, keras.layers.Dense(3, name="head")(x[:, 0]))
kernels = [v for v in model.trainable_variables if v.name == "kernel"]
before = [np.array(v) for v in kernels]
optimizer = keras.optimizers.Muon(1.0, adam_lr_ratio=0.0, weight_decay=None, adam_weight_decay=None)
gradients = [keras.random.normal(v.shape, seed=1) for v in model.trainable_variables]
optimizer.apply(gradients, model.trainable_variables)
# The rate of AdamW is 0: what moves was updated by Muon.
moved = {v.path for v, old in zip(kernels, before) if not np.array_equal(v, old)}
for v in kernels:
    print(v.path, tuple(v.shape), "Muon" if v.path in moved else "AdamW")
assert moved == {"mlp1/kernel", "mlp2/kernel", "head/kernel"}
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/muon.py"
