#!/usr/bin/env bash
# MLX's max pooling gives each of several equal maxima a part of the gradient.
#
# Guess: of equal values one, the first, takes the whole gradient, as in PyTorch, TensorFlow, JAX and Paddle.
# Seen (MLX 0.32.4): four equal values take a quarter each. After rectifiers whole windows are zero: what they
# send back differs from other libraries in the positions, and stays the same in sum. Overlapping windows do so, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/pooling.py" <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
import numpy as np

pooling = nn.MaxPool2d(2, 2)


def slope(values):
    images = mx.array(values).reshape(1, 2, 2, 1)
    return np.asarray(mx.grad(lambda x: pooling(x).sum())(images)).ravel()


for values in ([0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 1.0, 0.0]):
    print(f"MLX {mx.__version__}: a window of {values} has the gradient {slope(values)}")
assert np.allclose(slope([0.0, 0.0, 0.0, 0.0]), 0.25)
assert np.allclose(slope([1.0, 0.0, 1.0, 0.0]), [0.5, 0, 0.5, 0])
assert np.allclose(slope([0.0, 2.0, 1.0, 0.0]), [0, 1, 0, 0])
overlapping = mx.grad(lambda x: nn.MaxPool2d(3, 2)(x).sum())(mx.zeros((1, 5, 5, 1)))
print("overlapping windows of zeros, the middle row:", np.asarray(overlapping)[0, 2, :, 0].round(3))
assert np.allclose(np.asarray(overlapping)[0, 2, 2, 0], 4 / 9)
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
