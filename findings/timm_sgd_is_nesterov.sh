#!/usr/bin/env bash
# timm's optimizer "sgd" is Nesterov's; the plain one is called "momentum".
#
# Guess: `create_optimizer_v2(..., opt="sgd", momentum=0.9)` is torch.optim.SGD with this momentum.
# Seen (timm 1.0.31, PyTorch 2.14.1): three steps of rate 0.1 along a gradient of 1 go from 1 to 0.81, 0.539,
# 0.1951, as Nesterov's rule says. opt="momentum" gives 0.9, 0.71, 0.439.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat >"$folder/sgd.py" <<'PYTHON'
import timm
import torch
from timm.optim import create_optimizer_v2


def path(make):
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer, values = make([weight]), []
    for _ in range(3):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        values.append(round(weight[0, 0].item(), 4))
    return values


paths = {
    name: path(lambda p, name=name: create_optimizer_v2(p, opt=name, lr=0.1, momentum=0.9))
    for name in ("sgd", "momentum")
}
paths["torch"] = path(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9))
print(f"timm {timm.__version__}: {paths}")
assert paths["momentum"] == paths["torch"] == [0.9, 0.71, 0.439]
assert paths["sgd"] == [0.81, 0.539, 0.1951]
PYTHON
"$folder/venv/bin/python" "$folder/sgd.py"
