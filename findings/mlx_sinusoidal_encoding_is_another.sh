#!/usr/bin/env bash
# MLX's SinusoidalPositionalEncoding is not that of "Attention Is All You Need" (section 3.5).
#
# Guess: of 8 numbers, two each are the sine and cosine of position / 10000**(2 i / 8), i from 0 to 3.
# Seen (MLX 0.32.4): all are multiplied by sqrt(2 / 8), so that each position's have the length 1; the exponents
# are i / 3, so that the last is 1 and not 3 / 4; and all sines come before the cosines.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/encoding.py" <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
import numpy as np

found = np.asarray(nn.SinusoidalPositionalEncoding(8)(mx.arange(3)))
angle = np.arange(3)[:, None] / 10000 ** (np.arange(4) / 4)
paper = np.stack([np.sin(angle), np.cos(angle)], -1).reshape(3, 8)
print(f"MLX {mx.__version__}, position 1: {found[1].round(4)}")
print(f"the paper:              {paper[1].round(4)}")
angle = np.arange(3)[:, None] / 10000 ** (np.arange(4) / 3)
assert np.allclose(found, 0.5 * np.concatenate([np.sin(angle), np.cos(angle)], -1), atol=1e-5)
assert np.allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-5)
PYTHON
"$folder/venv/bin/python" "$folder/encoding.py"
