#!/usr/bin/env bash
# timm's AvgPool2dSame, which is there to do as TensorFlow does, counts the padding.
#
# Guess: `timm.layers.AvgPool2dSame(3, stride=2)` of ones gives ones, as TensorFlow's "SAME" divides by the pixels
# under the window.
# Seen (timm 1.0.31, PyTorch 2.14.1): of 4x4 ones it makes 1, 2/3, 2/3 and 4/9, and with
# count_include_pad=False as well: the padding is there before the layer pools.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat >"$folder/pooling.py" <<'PYTHON'
import timm
import torch
from timm.layers import AvgPool2dSame

ones = torch.ones(1, 1, 4, 4)
usual = AvgPool2dSame(3, stride=2)(ones).flatten().tolist()
without = AvgPool2dSame(3, stride=2, count_include_pad=False)(ones).flatten().tolist()
print(f"timm {timm.__version__}: {usual}, with count_include_pad=False {without}")
assert usual == without and [round(9 * v) for v in usual] == [9, 6, 6, 4]
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
