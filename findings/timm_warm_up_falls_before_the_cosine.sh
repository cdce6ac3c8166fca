#!/usr/bin/env bash
# timm's cosine after a warm-up starts below the rate: the warm-up's epochs are cut from the cosine.
#
# Guess: a warm-up of three epochs from 0.1 leads to the rate of 1, and the cosine starts there.
# Seen (timm 1.0.31, PyTorch 2.14.1): 0.1, 0.4, 0.7, then 0.79: the cosine's fourth epoch. The rate that was
# asked for is never used, unless warmup_prefix=True.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat >"$folder/warm_up.py" <<'PYTHON'
import timm
import torch
from timm.scheduler import CosineLRScheduler


def rates(**arguments):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler = CosineLRScheduler(
        optimizer, t_initial=10, warmup_t=3, warmup_lr_init=0.1, **arguments
    )
    values = []
    for epoch in range(10):
        scheduler.step(epoch)
        values.append(round(optimizer.param_groups[0]["lr"], 4))
    return values


usual, prefix = rates(), rates(warmup_prefix=True)
print(f"timm {timm.__version__}: {usual}; with warmup_prefix {prefix}")
assert usual[:4] == [0.1, 0.4, 0.7, 0.7939] and max(usual) < 0.8
assert prefix[:4] == [0.1, 0.4, 0.7, 1.0]
PYTHON
"$folder/venv/bin/python" "$folder/warm_up.py"
