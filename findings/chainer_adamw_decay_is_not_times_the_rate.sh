#!/usr/bin/env bash
# Chainer's AdamW does not multiply its weight decay by the rate.
#
# Guess: AdamW(alpha=0.001, weight_decay_rate=0.1) takes 0.0001 of a weight off at each step, as PyTorch, Keras, timm
# and optax do.
# Seen (Chainer 7.8.1): it takes 0.1: the decay is times `eta` alone, which is 1, as in the formula of Loshchilov and
# Hutter (2019), where the schedule is eta. A decay carried over is a thousand times too strong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==1.23.5 "setuptools<60" wheel
"$folder/venv/bin/pip" install --quiet --no-build-isolation chainer==7.8.1
cat >"$folder/decay.py" <<'PYTHON'
import chainer
import numpy as np


class Network(chainer.Link):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.w = chainer.Parameter(np.ones(1, "float32"))


kept = {}
for decay in (0.0, 0.1):
    network = Network()
    optimizer = chainer.optimizers.AdamW(alpha=0.001, weight_decay_rate=decay)
    optimizer.setup(network)
    network.w.grad = np.ones(1, "float32")
    optimizer.update()
    kept[decay] = float(network.w.array[0])
    print(f"Chainer {chainer.__version__}, weight_decay_rate={decay}: 1 becomes {kept[decay]:.4f}")
assert abs(kept[0.0] - kept[0.1] - 0.1) < 1e-5
PYTHON
"$folder/venv/bin/python" "$folder/decay.py"
