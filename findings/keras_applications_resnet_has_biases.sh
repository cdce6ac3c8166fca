#!/usr/bin/env bash
# keras.applications.ResNet50 has a bias in each convolution, which the batch normalization behind it takes off.
#
# Guess: 25,557,032 trainable weights, as in torchvision, timm and the papers' count: convolutions without biases.
# Seen (Keras 3.15.1): 25,583,592; the 26,560 more are biases without an effect, though a weight decay reaches them
# and a count of parameters has them. Its batch normalizations have an epsilon of 1.001e-5, and a momentum of 0.99.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/resnet.py" <<'PYTHON'
import keras
import numpy as np

network = keras.applications.ResNet50(weights=None)
count = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
biases = [
    layer.bias for layer in network.layers if isinstance(layer, keras.layers.Conv2D) and layer.use_bias
]
more = sum(int(np.prod(bias.shape)) for bias in biases)
norm = next(x for x in network.layers if isinstance(x, keras.layers.BatchNormalization))
print(f"Keras {keras.__version__}: {count:,} trainable weights, {more:,} of them biases of "
      f"{len(biases)} convolutions; epsilon {norm.epsilon}, momentum {norm.momentum}")
assert count == 25_557_032 + 26_560 and more == 26_560 and len(biases) == 53
assert norm.epsilon == 1.001e-5 and norm.momentum == 0.99
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/resnet.py"
