#!/usr/bin/env bash
# torchinfo counts a Linear layer once however many tokens go through it.
#
# Guess: a Linear layer of 10 by 10 on seven tokens makes 7 x 100 multiply-adds.
# Seen (torchinfo 1.8.0, PyTorch 2.13.0): total_mult_adds is 100 for one image of seven tokens, and 700 for seven
# images of one token. The blocks of a ViT have too few by the number of their tokens.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchinfo==1.8.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/dense.py" <<'PYTHON'
import torch
import torchinfo

layer = torch.nn.Linear(10, 10, bias=False)
counted = {
    shape: torchinfo.summary(layer, input_data=torch.zeros(shape), verbose=0).total_mult_adds
    for shape in ((1, 7, 10), (7, 1, 10), (7, 10))
}
print(f"torchinfo {torchinfo.__version__}: {counted}")
assert counted == {(1, 7, 10): 100, (7, 1, 10): 700, (7, 10): 700}
PYTHON
"$folder/venv/bin/python" "$folder/dense.py"
