#!/usr/bin/env bash
# torchinfo counts no multiplication in nn.MultiheadAttention, and so almost none in a ViT.
#
# Guess: the attention of ViT-B (197 tokens of 768) has the 524 million multiply-adds of its four projections and
# two products.
# Seen (torchinfo 1.8.0, PyTorch 2.13.0): total_mult_adds is 0, in training and in evaluation. torchvision's
# ViT-B/16 is given 0.17 billion where its authors have 17.6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchinfo==1.8.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/attention.py" <<'PYTHON'
import torch
import torchinfo


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(768, 12, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


tokens = torch.zeros(1, 197, 768)
expected = 4 * 197 * 768 * 768 + 2 * 197 * 197 * 768
for mode in ("train", "eval"):
    layer = getattr(Attention(), mode)()
    counted = torchinfo.summary(layer, input_data=tokens, mode=mode, verbose=0).total_mult_adds
    print(f"torchinfo {torchinfo.__version__}, {mode}: {counted}, by hand {expected:,}")
    assert counted == 0
PYTHON
"$folder/venv/bin/python" "$folder/attention.py"
