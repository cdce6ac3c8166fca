#!/usr/bin/env bash
# Keras's AugMix with a seed draws its operations from Python's own generator.
#
# Guess: two layers with one seed change images alike, as two of RandAugment do.
# Seen (Keras 3.15.1): the strengths come from the seed, the choice of the operations from Python's `random`. Two
# layers of one seed differ; after `random.seed` they do not, nor after `keras.utils.set_random_seed`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/mixing.py" <<'PYTHON'
import random

import keras
import numpy as np

x = np.random.default_rng(0).uniform(0, 255, (2, 12, 20, 3)).astype("float32")


def twice(layer, between=lambda: None):
    outs = []
    for _ in range(2):
        between()
        outs.append(np.asarray(layer(seed=1)(x, training=True)))
    return np.abs(outs[0] - outs[1]).max()


random.seed(0)
augmix = twice(keras.layers.AugMix)
print("AugMix", augmix, "RandAugment", twice(keras.layers.RandAugment))
assert augmix > 1 and twice(keras.layers.RandAugment) == 0
assert twice(keras.layers.AugMix, lambda: random.seed(3)) == 0
assert twice(keras.layers.AugMix, lambda: keras.utils.set_random_seed(3)) == 0
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/mixing.py"
