#!/usr/bin/env bash
# pytorchcv's AlexNet has the paper's channels, and neither its groups nor its response normalization.
#
# Guess: `get_model("alexnet")` has 60,965,224 parameters, as the network of two halves with LRN.
# Seen (pytorchcv 0.0.74, PyTorch 2.14.1): 62,378,344, for the second, fourth and fifth convolution see all channels;
# and no module normalizes. "alexnetb" is the one of "One weird trick" (61,100,840).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytorchcv==0.0.74 torch==2.14.1 numpy==2.4.6
cat >"$folder/alexnet.py" <<'PYTHON'
import importlib.metadata

import torch
from pytorchcv.model_provider import get_model

version, counts = importlib.metadata.version("pytorchcv"), {}
for name in ("alexnet", "alexnetb"):
    network = get_model(name, pretrained=False)
    counts[name] = sum(weight.numel() for weight in network.parameters())
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    print(f"pytorchcv {version}, {name}: {counts[name]:,}, {[m.out_channels for m in convolutions]}")
    assert all(m.groups == 1 for m in convolutions)
    assert not any("norm" in type(m).__name__.lower() for m in network.modules())
assert counts == {"alexnet": 62_378_344, "alexnetb": 61_100_840}
PYTHON
"$folder/venv/bin/python" "$folder/alexnet.py"
