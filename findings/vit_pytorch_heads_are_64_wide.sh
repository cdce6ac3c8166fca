#!/usr/bin/env bash
# vit-pytorch's heads are 64 wide, whatever the width of the network.
#
# Guess: ViT(dim=256, heads=8) has heads of 256 / 8 = 32 numbers, as the paper and `nn.MultiheadAttention` have them.
# Seen (vit-pytorch 1.26.14, PyTorch 2.14.1): they have 64 (`dim_head`'s default), so that attention works in 512
# numbers, twice the network's width, and has twice the weights. dim_head=32 gives the paper's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vit-pytorch==1.26.14 torch==2.14.1 numpy==2.4.6
cat >"$folder/heads.py" <<'PYTHON'
import importlib.metadata

from vit_pytorch import ViT

arguments = {"image_size": 32, "patch_size": 8, "num_classes": 10, "depth": 1, "mlp_dim": 64}
shapes = {}
for more in ({}, {"dim_head": 32}):
    attention = ViT(dim=256, heads=8, **arguments, **more).transformer.layers[0][0]
    shapes[bool(more)] = tuple(attention.to_qkv.weight.shape)
    print(f"vit-pytorch {importlib.metadata.version('vit-pytorch')}, {more}: {shapes[bool(more)]}")
assert shapes[False] == (3 * 8 * 64, 256) and shapes[True] == (3 * 256, 256)
PYTHON
"$folder/venv/bin/python" "$folder/heads.py"
