#!/usr/bin/env bash
# captum's guided backpropagation of a Keras model on PyTorch is the plain gradient, without a word.
#
# Guess: a Keras 3 model on the PyTorch backend is a torch.nn.Module, so GuidedBackprop either
# changes its ReLUs or says that it finds none.
# Seen (captum 0.9.0, Keras 3.15.1, PyTorch 2.13.0): it looks for modules of torch.nn.ReLU. Keras
# calls a function, also in keras.layers.ReLU, so none is found: the result is the gradient, to the
# last bit, with no error. The same network of torch.nn layers gives other values.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 captum==0.9.0
cat >"$folder/guided.py" <<'PYTHON'
import keras
import numpy as np
import torch
from captum.attr import GuidedBackprop, Saliency

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(20), keras.layers.ReLU(),
                          keras.layers.Dense(3)])
twin = torch.nn.Sequential(torch.nn.Linear(6, 20), torch.nn.ReLU(), torch.nn.Linear(20, 3))
for layer, module in ((model.layers[0], twin[0]), (model.layers[2], twin[2])):
    kernel, bias = layer.get_weights()
    module.weight.data, module.bias.data = torch.from_numpy(kernel.T.copy()), torch.from_numpy(bias)
x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 6)).astype("float32"))
x.requires_grad_()
for name, network, differs in (("Keras", model, False), ("torch.nn", twin, True)):
    guided = GuidedBackprop(network).attribute(x, 1)
    plain = Saliency(network).attribute(x, 1, abs=False)
    most = float((guided - plain).abs().max())
    print(f"{name}: guided less plain gradient, at most {most:.3f}")
    assert (most > 0.01) == differs
PYTHON
KERAS_BACKEND=torch KERAS_HOME="$folder" "$folder/venv/bin/python" -W ignore "$folder/guided.py"
