#!/usr/bin/env bash
# Kornia's layers of augmentation resize otherwise than its function: they align the corners.
#
# Guess: `kornia.augmentation.Resize((4, 4))` and a RandomResizedCrop of the whole image give what
# `kornia.geometry.resize` gives, and PyTorch's interpolate: the first pixel of 8 to 4 is the mean of 0 and 1.
# Seen (Kornia 0.9.0, PyTorch 2.13.0): the function gives 0.5, the two layers 0.0: their align_corners is True.
# A picture of 224 from a crop is shifted by up to half a pixel from the one that evaluation makes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kornia==0.9.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/resizing.py" <<'PYTHON'
import kornia
import torch

ramp = torch.arange(8.0).expand(1, 1, 8, 8)
function = kornia.geometry.resize(ramp, (4, 4))[0, 0, 0].tolist()
layer = kornia.augmentation.Resize((4, 4))(ramp)[0, 0, 0].tolist()
crop = kornia.augmentation.RandomResizedCrop((4, 4), scale=(1.0, 1.0), ratio=(1.0, 1.0))
whole = crop(ramp)[0, 0, 0].tolist()
print(f"Kornia {kornia.__version__}: function {function}, layer {layer}, crop {whole}")
for values, expected in (
    (function, [0.5, 2.5, 4.5, 6.5]),
    (layer, [0, 7 / 3, 14 / 3, 7]),
    (whole, [0, 7 / 3, 14 / 3, 7]),
):
    assert max(abs(a - b) for a, b in zip(values, expected)) < 1e-4
PYTHON
"$folder/venv/bin/python" "$folder/resizing.py"
