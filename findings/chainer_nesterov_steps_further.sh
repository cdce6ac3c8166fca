#!/usr/bin/env bash
# Chainer's NesterovAG adds its momentum to the new velocity, and counts the gradient once more.
#
# Guess: the first step of NesterovAG(lr=0.1, momentum=0.9) is 0.1 * (1 + 0.9) of the gradient: 0.19, as in PyTorch,
# Keras and the paper it cites (Bengio et al., 2012), whose formula is of the velocity before the step.
# Seen (Chainer 7.8.1): 0.271, which is 0.1 * (1 + 0.9 + 0.81): the velocity is renewed first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==1.23.5 "setuptools<60" wheel
"$folder/venv/bin/pip" install --quiet --no-build-isolation chainer==7.8.1
cat >"$folder/nesterov.py" <<'PYTHON'
import chainer
import numpy as np


class Network(chainer.Link):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.w = chainer.Parameter(np.ones(1, "float32"))


network, optimizer = Network(), chainer.optimizers.NesterovAG(lr=0.1, momentum=0.9)
optimizer.setup(network)
weight, velocity = 1.0, 0.0
for gradient in (1.0, 0.5, 0.25):
    network.w.grad = np.array([gradient], "float32")
    optimizer.update()
    weight += 0.81 * velocity - 1.9 * 0.1 * gradient
    velocity = 0.9 * velocity - 0.1 * gradient
    found = float(network.w.array[0])
    print(f"Chainer {chainer.__version__}: {found:.4f}, Bengio et al.: {weight:.4f}")
    if gradient == 1:
        assert abs(found - 0.729) < 1e-6 and abs(weight - 0.81) < 1e-6
assert found < weight - 0.05
PYTHON
"$folder/venv/bin/python" "$folder/nesterov.py"
