#!/usr/bin/env bash
# Kornia's RandomContrast darkens: it multiplies the image, and does not turn about its mean.
#
# Guess: `kornia.augmentation.RandomContrast((0.5, 0.5))` halves the distances from the mean, which stays, as in
# Pillow, torchvision, and Kornia's own ColorJitter.
# Seen (Kornia 0.9.0, PyTorch 2.13.0): an image with a mean of 0.6 has 0.3 afterwards, and with a factor of 1.5
# its light half is cut off at 1. ColorJitter(contrast=...) keeps the mean.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kornia==0.9.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/contrast.py" <<'PYTHON'
import kornia
import torch

torch.manual_seed(0)
image = torch.tensor([0.4, 0.8]).repeat(3, 4, 2)[None]
half = kornia.augmentation.RandomContrast((0.5, 0.5), p=1.0)(image)
more = kornia.augmentation.RandomContrast((1.5, 1.5), p=1.0)(image)
jitter = kornia.augmentation.ColorJitter(contrast=(0.5, 0.5), p=1.0)(image)
print(f"Kornia {kornia.__version__}: means {image.mean():.2f}, RandomContrast {half.mean():.2f},", end=" ")
print(f"ColorJitter {jitter.mean():.2f}; with 1.5 {more.unique().tolist()}")
assert abs(image.mean() - 0.6) < 1e-6
assert abs(half.mean() - 0.3) < 1e-6
assert abs(more.max() - 1) < 1e-6 and abs(more.min() - 0.6) < 1e-6
assert abs(jitter.mean() - 0.6) < 1e-3
PYTHON
"$folder/venv/bin/python" "$folder/contrast.py"
