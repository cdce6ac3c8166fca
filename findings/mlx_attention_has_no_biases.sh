#!/usr/bin/env bash
# MLX's TransformerEncoder has no biases in its attention, and normalizes first.
#
# Guess: an encoder of width 8 has biases in the four projections of its attention, as those of ViT, PyTorch's
# nn.TransformerEncoder and Flax, and normalizes after each sum, as PyTorch's does unless told.
# Seen (MLX 0.32.4): the projections have kernels alone, though the layers behind them have biases; weights of a
# ViT do not fit. norm_first is True by default, and a last LayerNorm follows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/encoder.py" <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

encoder = nn.TransformerEncoder(num_layers=1, dims=8, num_heads=2)
names = [name for name, _ in tree_flatten(encoder.parameters())]
print(f"MLX {mx.__version__}:", *names, sep="\n  ")
attention = [name for name in names if ".attention." in name]
assert len(attention) == 4 and all(name.endswith("weight") for name in attention)
assert {"layers.0.linear1.bias", "layers.0.linear2.bias", "ln.bias"} <= set(names)
assert encoder.layers[0].norm_first
assert "bias" in nn.MultiHeadAttention(8, 2, bias=True).out_proj
PYTHON
"$folder/venv/bin/python" "$folder/encoder.py"
