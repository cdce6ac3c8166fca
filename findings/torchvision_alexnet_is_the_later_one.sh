#!/usr/bin/env bash
# torchvision's alexnet is not the network of 2012 but that of "One weird trick" (Krizhevsky, 2014).
#
# Guess: 96, 256, 384, 384 and 256 channels, two groups, response normalization, dropout behind the dense layers.
# Seen (torchvision 0.29.1, PyTorch 2.14.1): 64, 192, 384, 256 and 256 channels in one group, no normalization, and
# the dropouts stand before the dense layers. Its file fits no AlexNet of the first paper.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchvision==0.29.1 torch==2.14.1 numpy==2.4.6
cat >"$folder/alexnet.py" <<'PYTHON'
import torch
import torchvision

network = torchvision.models.alexnet(weights=None)
convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
channels, head = [m.out_channels for m in convolutions], [type(m).__name__ for m in network.classifier]
print(f"torchvision {torchvision.__version__}: channels {channels}, head {head}")
assert channels == [64, 192, 384, 256, 256] and all(m.groups == 1 for m in convolutions)
assert not any("Norm" in type(m).__name__ for m in network.modules())
assert head == ["Dropout", "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Linear"]
PYTHON
"$folder/venv/bin/python" "$folder/alexnet.py"
