#!/usr/bin/env bash
# torchvision's GoogLeNet has 3x3 kernels where the paper has 5x5, and batch normalization.
#
# Guess: nine modules with a branch of 5x5, and 6,998,552 numbers in the main network, as in Szegedy et al., table 1.
# Seen (torchvision 0.29.1, PyTorch 2.14.1): no kernel is 5x5; each module has two branches of 3x3. Every convolution
# is without a bias and has a batch normalization, which is younger than the paper. 6,624,904 numbers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchvision==0.29.1 torch==2.14.1 numpy==2.4.6
cat >"$folder/googlenet.py" <<'PYTHON'
import collections
import warnings

import torch
import torchvision

warnings.filterwarnings("ignore")
network = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)
convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
sides = collections.Counter(m.kernel_size[0] for m in convolutions)
norms = sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
count = sum(weight.numel() for weight in network.parameters())
print(f"torchvision {torchvision.__version__}: {count:,} parameters, kernels of side {dict(sides)}, "
      f"{norms} batch normalizations of {len(convolutions)} convolutions")
assert 5 not in sides and sides[3] == 19 and norms == len(convolutions) == 57
assert count == 6_624_904
PYTHON
"$folder/venv/bin/python" "$folder/googlenet.py"
