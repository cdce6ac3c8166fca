#!/usr/bin/env bash
# vit-pytorch's ViT is not the paper's: it normalizes patches, and its attention has no biases.
#
# Guess: ViT(image_size=224, patch_size=16, num_classes=1000, dim=768, depth=12, heads=12, mlp_dim=3072) has the
# 86,567,656 parameters of ViT-B/16.
# Seen (vit-pytorch 1.26.14, PyTorch 2.14.1): 86,543,080. Two LayerNorms stand about the patches' projection, so that
# twice the image gives the same answer; query, key and value have no biases. The paper's weights do not fit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vit-pytorch==1.26.14 torch==2.14.1 numpy==2.4.6
cat >"$folder/vit.py" <<'PYTHON'
import importlib.metadata

import torch
from vit_pytorch import ViT

arguments = {"image_size": 224, "patch_size": 16, "num_classes": 1000, "heads": 12}
network = ViT(dim=768, depth=12, mlp_dim=3072, **arguments).eval()
count = sum(weight.numel() for weight in network.parameters())
version = importlib.metadata.version("vit-pytorch")
print(f"vit-pytorch {version}: {count:,} parameters; ViT-B/16 has 86,567,656")
assert count == 86_567_656 - 12 * 3 * 768 + 4 * 768
small = ViT(dim=96, depth=2, mlp_dim=96, **arguments | {"heads": 3}).eval()
image = torch.rand(1, 3, 224, 224)
with torch.no_grad():
    change = (small(2 * image) - small(image)).abs().max().item()
print(f"twice the image changes the answer by {change:.1e}")
assert change < 1e-3 and small.transformer.layers[0][0].to_qkv.bias is None
PYTHON
"$folder/venv/bin/python" "$folder/vit.py"
