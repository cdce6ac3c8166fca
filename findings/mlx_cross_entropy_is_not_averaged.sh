#!/usr/bin/env bash
# MLX's losses are averaged or not by default, each in its way.
#
# Guess: cross_entropy of a batch gives one number, the mean, as mse_loss and binary_cross_entropy do.
# Seen (MLX 0.32.4): cross_entropy gives one number for each example, and so do hinge_loss, huber_loss and
# triplet_loss; mse_loss, l1_loss, smooth_l1_loss and binary_cross_entropy give the mean.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/losses.py" <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn

losses, x, y = nn.losses, mx.array([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), mx.array([0, 1])
like = mx.ones_like(x)
found = {
    "cross_entropy": losses.cross_entropy(x, y).shape,
    "huber_loss": losses.huber_loss(x, like).shape,
    "hinge_loss": losses.hinge_loss(x, like).shape,
    "triplet_loss": losses.triplet_loss(x, like, -like).shape,
    "mse_loss": losses.mse_loss(x, like).shape,
    "l1_loss": losses.l1_loss(x, like).shape,
    "smooth_l1_loss": losses.smooth_l1_loss(x, like).shape,
    "binary_cross_entropy": losses.binary_cross_entropy(x, like).shape,
}
for name, shape in found.items():
    print(f"MLX {mx.__version__}, {name}: {shape}")
assert found["cross_entropy"] == found["triplet_loss"] == (2,)
assert found["huber_loss"] == found["hinge_loss"] == (2, 3)
assert all(not found[name] for name in ("mse_loss", "l1_loss", "smooth_l1_loss"))
assert not found["binary_cross_entropy"]
PYTHON
"$folder/venv/bin/python" "$folder/losses.py"
