#!/usr/bin/env bash
# thop counts the parameters of layers alone: class token and position embeddings are left out.
#
# Guess: `thop.profile` gives every parameter of the network: 110 of a Linear layer and 10 that are added.
# Seen (thop 0.1.1.post2209072238, PyTorch 2.13.0): 110. Of ViT-B/16 it leaves out the 152,064 of its class token
# and positions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet thop==0.1.1.post2209072238 torch==2.13.0 numpy==2.4.6
cat >"$folder/parameters.py" <<'PYTHON'
import thop
import torch


class Shifted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(1, 1, 10))
        self.dense = torch.nn.Linear(10, 10)

    def forward(self, x):
        return self.dense(x + self.shift)


network = Shifted()
expected = sum(p.numel() for p in network.parameters())
counted = thop.profile(network, (torch.zeros(1, 7, 10),), verbose=False)[1]
print(f"thop 0.1.1.post2209072238: {counted:.0f} parameters, by hand {expected}")
assert (counted, expected) == (110, 120)
PYTHON
"$folder/venv/bin/python" "$folder/parameters.py"
