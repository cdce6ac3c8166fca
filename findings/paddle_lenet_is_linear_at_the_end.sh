#!/usr/bin/env bash
# Paddle's LeNet has no activations between its last three layers, and a first convolution of 3x3.
#
# Guess: paddle.vision.models.LeNet has 61,706 parameters, as LeNet-5 with all connections in its second
# convolution (5x5 kernels; 6, 16, 120, 84 and 10 units), and an activation after each layer but the last.
# Seen (PaddlePaddle 3.3.1): 61,610, for the first kernels are 3x3 with a padding of 1; the layers of 120, 84 and
# 10 units follow one another bare, so that the three are one linear map of the 400 features.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 numpy==2.4.6
cat >"$folder/lenet.py" <<'PYTHON'
import numpy as np
import paddle

network = paddle.vision.models.LeNet()
count = sum(int(np.prod(weight.shape)) for weight in network.parameters())
print(f"PaddlePaddle {paddle.__version__}: {count} parameters", network, sep="\n")
assert count == 61_610 and list(network.features[0].weight.shape) == [6, 1, 3, 3]
x, y = (paddle.to_tensor(np.random.default_rng(k).normal(size=(5, 400)).astype("f")) for k in (0, 1))
origin = network.fc(paddle.zeros((5, 400)))
straight = network.fc(x) + network.fc(y) - origin
print("largest departure from a linear map:", float((network.fc(x + y) - straight).abs().max()))
assert np.allclose(network.fc(x + y).numpy(), straight.numpy(), atol=1e-4)
PYTHON
"$folder/venv/bin/python" "$folder/lenet.py"
