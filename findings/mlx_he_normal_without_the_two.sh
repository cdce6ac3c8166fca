#!/usr/bin/env bash
# MLX's he_normal is LeCun's start: the two that He et al. (2015) add for rectifiers is left to the caller.
#
# Guess: he_normal() draws with the deviation sqrt(2 / fan_in), as in PyTorch, Keras, JAX and Paddle.
# Seen (MLX 0.32.4): it is sqrt(1 / fan_in), for its gain is 1 by default, and he_uniform's, too. Through 20 layers
# of rectifiers a signal becomes about a thousandth. he_normal()(array, gain=2**0.5) is the paper's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/start.py" <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn

mx.random.seed(0)
shape = mx.zeros((256, 3, 3, 64))  # 64 * 9 inputs
for name, start in {"he_normal": nn.init.he_normal(), "he_uniform": nn.init.he_uniform()}.items():
    found, paper = start(shape).square().mean().sqrt().item(), (2 / 576) ** 0.5
    print(f"MLX {mx.__version__}, {name}: deviation {found:.4f}; He et al.: {paper:.4f}")
    assert abs(found / (1 / 576) ** 0.5 - 1) < 0.02
assert abs(nn.init.he_normal()(shape, gain=2**0.5).square().mean().sqrt().item() / paper - 1) < 0.02
sizes = []
for gain in (1.0, 2**0.5):
    x = mx.random.normal((64, 256))
    for _ in range(20):
        x = nn.relu(x @ nn.init.he_normal()(mx.zeros((256, 256)), gain=gain))
    sizes.append(x.square().mean().sqrt().item())
print(f"after 20 layers: {sizes[0]:.5f}, with the gain {sizes[1]:.3f}")
assert sizes[0] < 0.004 and sizes[1] > 0.3
PYTHON
"$folder/venv/bin/python" "$folder/start.py"
