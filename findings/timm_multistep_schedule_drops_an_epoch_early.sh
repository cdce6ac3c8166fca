#!/usr/bin/env bash
# timm's MultiStepLRScheduler drops the rate one epoch before the one it is given.
#
# Guess: with decay_t=[3, 6] the rate of the epochs 0, 1 and 2 is whole, as with PyTorch's MultiStepLR and with
# timm's own StepLRScheduler of decay_t=3.
# Seen (timm 1.0.31, PyTorch 2.14.1): the rate is a tenth in epoch 2 already, and a hundredth in epoch 5.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat >"$folder/multistep.py" <<'PYTHON'
import timm
import torch
from timm.scheduler import MultiStepLRScheduler, StepLRScheduler


def rates(make, step):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    scheduler, values = make(optimizer), []
    for epoch in range(7):
        if step:
            scheduler.step(epoch)
        values.append(round(optimizer.param_groups[0]["lr"], 4))
        optimizer.step()
        if not step:
            scheduler.step()
    return values


several = rates(lambda o: MultiStepLRScheduler(o, decay_t=[3, 6], decay_rate=0.1), True)
every = rates(lambda o: StepLRScheduler(o, decay_t=3, decay_rate=0.1), True)
usual = rates(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 6]), False)
print(f"timm {timm.__version__}: {several}; every three {every}; PyTorch {usual}")
assert usual == every == [1, 1, 1, 0.1, 0.1, 0.1, 0.01]
assert several == [1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]
PYTHON
"$folder/venv/bin/python" "$folder/multistep.py"
