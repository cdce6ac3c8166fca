#!/usr/bin/env bash
# timm's Mixup smooths the labels by 0.1 unless told, and so does its BinaryCrossEntropy.
#
# Guess: `Mixup(mixup_alpha=1, num_classes=4)` gives a picture of classes 0 and 3 labels for these two.
# Seen (timm 1.0.31, PyTorch 2.14.1): every other class has 0.025, a quarter of label_smoothing, which is 0.1 by
# default. BinaryCrossEntropy()(logits, classes) smooths whole labels by 0.1, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat >"$folder/mixup.py" <<'PYTHON'
import timm
import torch
from timm.data import Mixup
from timm.loss import BinaryCrossEntropy

images, classes = torch.rand(4, 1, 4, 4), torch.arange(4)
lowest = {}
for arguments in ({}, {"label_smoothing": 0.0}):
    labels = Mixup(mixup_alpha=1.0, num_classes=4, **arguments)(images.clone(), classes)[1]
    lowest[bool(arguments)] = labels.min().item()
    print(f"timm {timm.__version__}, {arguments}: labels of the first image {labels[0].tolist()}")
assert abs(lowest[False] - 0.025) < 1e-6 and lowest[True] == 0
logits, one = torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]])
smooth = BinaryCrossEntropy()(logits, torch.tensor([0])).item()
whole = torch.nn.functional.binary_cross_entropy_with_logits(logits, one).item()
eased = torch.nn.functional.binary_cross_entropy_with_logits(
    logits, torch.full((1, 3), 0.1 / 3) + 0.9 * one
).item()
print(f"BinaryCrossEntropy: {smooth:.4f}; of whole labels {whole:.4f}, of smoothed ones {eased:.4f}")
assert abs(smooth - eased) < 1e-5 and abs(smooth - whole) > 0.01
PYTHON
"$folder/venv/bin/python" "$folder/mixup.py"
