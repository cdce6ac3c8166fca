#!/usr/bin/env bash
# TorchMetrics takes scores for logits if one of the batch lies outside 0 to 1: the others change with it.
#
# Guess: BinaryAccuracy is told what it gets, or takes the scores as they are.
# Seen (TorchMetrics 1.9.0, PyTorch 2.13.0): logits of 0.2 and 0.3 mean yes beside one of -0.1 (a sigmoid is
# applied, threshold 0.5), and no beside one of 0.1 (they pass for probabilities). So the same answers count
# otherwise in another batch; calibration errors have the same rule.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchmetrics==1.9.0 torch==2.13.0
cat >"$folder/logits.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.classification import BinaryAccuracy

labels = torch.tensor([1, 1, 0])
read = {}
for last in (-0.1, 0.1):
    read[last] = float(BinaryAccuracy()(torch.tensor([0.2, 0.3, last]), labels))
    print(f"TorchMetrics {torchmetrics.__version__}: logits 0.2, 0.3 and {last}: accuracy {read[last]:.4f}")
assert read[-0.1] == 1.0
# 0.2 and 0.3 are below 0.5 now: only the third is right.
assert abs(read[0.1] - 1 / 3) < 1e-6
PYTHON
"$folder/venv/bin/python" "$folder/logits.py"
