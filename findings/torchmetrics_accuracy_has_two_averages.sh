#!/usr/bin/env bash
# TorchMetrics has two accuracies: by task it is that of the images, by class name the mean over the classes.
#
# Guess: `Accuracy(task="multiclass", num_classes=2)` and `MulticlassAccuracy(num_classes=2)` are the same metric.
# Seen (TorchMetrics 1.9.0, PyTorch 2.13.0): for eight images of one class, all read right, and two of another,
# all read wrong, the first is 0.8 and the second 0.5: their defaults of `average` are "micro" and "macro". An
# error of a test set whose classes are not of one size, as USPS, is another number by each.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchmetrics==1.9.0 torch==2.13.0
cat >"$folder/accuracy.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.classification import MulticlassAccuracy

labels = torch.tensor([0] * 8 + [1] * 2)
answers = torch.zeros(10, dtype=torch.long)
by_task = torchmetrics.Accuracy(task="multiclass", num_classes=2)(answers, labels)
by_class = MulticlassAccuracy(num_classes=2)(answers, labels)
told = MulticlassAccuracy(num_classes=2, average="micro")(answers, labels)
print(f"TorchMetrics {torchmetrics.__version__}: by task {by_task:.2f}, by class {by_class:.2f}, micro {told:.2f}")
assert abs(float(by_task) - 0.8) < 1e-6 and abs(float(told) - 0.8) < 1e-6
assert abs(float(by_class) - 0.5) < 1e-6
PYTHON
"$folder/venv/bin/python" "$folder/accuracy.py"
