#!/usr/bin/env bash
# Kornia's antialiased resizing is another filter than PyTorch's and Pillow's of this name.
#
# Guess: `kornia.geometry.resize(..., antialias=True)` is what PyTorch's interpolate does with this word, and
# Pillow: the bilinear filter, widened by the scale. A column of 255 among 16 becomes 9.1 and 55.8 of 4.
# Seen (Kornia 0.9.0, PyTorch 2.13.0): 4.7 and 62.1: it blurs by a Gaussian, then resizes without widening. On an
# image of CIFAR-10, halved, the two differ by up to 19 of 255.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kornia==0.9.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/antialias.py" <<'PYTHON'
import kornia
import torch

line = torch.zeros(1, 1, 16, 16)
line[..., 5] = 255.0
usual = torch.nn.functional.interpolate(line, (4, 4), mode="bilinear", antialias=True)
found = kornia.geometry.resize(line, (4, 4), antialias=True)
usual, found = ([round(v, 1) for v in x[0, 0, 0].tolist()] for x in (usual, found))
print(f"Kornia {kornia.__version__}: {found}, PyTorch {torch.__version__}: {usual}")
assert usual == [9.1, 55.8, 0.0, 0.0]
assert found == [4.7, 62.1, 0.0, 0.0]
PYTHON
"$folder/venv/bin/python" "$folder/antialias.py"
