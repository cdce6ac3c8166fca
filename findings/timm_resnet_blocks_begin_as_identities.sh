#!/usr/bin/env bash
# timm's ResNets begin with blocks that add nothing: the last gamma of each is 0.
#
# Guess: batch normalizations begin with gamma 1, as in the paper and in torchvision, so that an untrained block
# changes its input.
# Seen (timm 1.0.31, PyTorch 2.14.1): the last gamma of each block is 0 (Goyal et al., 2017). A comparison of recipes
# "from the same start" with torchvision's has another start. zero_init_last=False gives ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat >"$folder/resnet.py" <<'PYTHON'
import timm
import torch

images = torch.randn(2, 64, 8, 8).relu()
for more in ({}, {"zero_init_last": False}):
    network = timm.create_model("resnet18", pretrained=False, **more).eval()
    gammas = [block.bn2.weight.abs().max().item() for block in network.layer1]
    with torch.no_grad():
        change = (network.layer1(images) - images).abs().max().item()
    print(f"timm {timm.__version__}, {more}: last gammas {gammas}, the stage changes by {change:.2f}")
    assert gammas == ([1, 1] if more else [0, 0]) and (change == 0) is (not more)
PYTHON
"$folder/venv/bin/python" "$folder/resnet.py"
