#!/usr/bin/env bash
# Paddle's `parameters()` has the moving statistics of batch normalizations.
#
# Guess: the parameters of resnet18 are 11,689,512 numbers, as in PyTorch and in Keras's trainable weights: kernels,
# biases, gammas and betas.
# Seen (PaddlePaddle 3.3.1): 11,699,112, for the moving means and variances are among them, marked `trainable=False`.
# A norm or a count of `parameters()` takes them in; so does a weight decay written by hand.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 numpy==2.4.6
cat >"$folder/parameters.py" <<'PYTHON'
import numpy as np
import paddle

network = paddle.vision.models.resnet18()
sizes = {n: (int(np.prod(p.shape)), p.trainable) for n, p in network.named_parameters()}
all_of_them = sum(size for size, _ in sizes.values())
learned = sum(size for size, trainable in sizes.values() if trainable)
print(f"PaddlePaddle {paddle.__version__}: {all_of_them} of which {learned} are trainable")
print("not trainable:", [name for name, (_, trainable) in sizes.items() if not trainable][:4], "...")
assert all_of_them == 11_699_112 and learned == 11_689_512
PYTHON
"$folder/venv/bin/python" "$folder/parameters.py"
