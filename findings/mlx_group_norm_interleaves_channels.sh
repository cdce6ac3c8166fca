#!/usr/bin/env bash
# MLX's GroupNorm puts channels into groups in turn, unless told to do as PyTorch.
#
# Guess: GroupNorm(2, 4) normalizes the channels 0 and 1 together, and 2 and 3, as Wu and He (2018) have it:
# groups are channels in a row.
# Seen (MLX 0.32.4): 0 and 2 are together, and 1 and 3. With pytorch_compatible=True they are as guessed. A network
# whose weights come from elsewhere gives other answers without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/groups.py" <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn
import numpy as np

channels = np.array([0.0, 1.0, 100.0, 101.0], "float32")
images = mx.array(np.tile(channels, (1, 2, 2, 1)) + np.arange(2, dtype="float32")[:, None, None])
found = {}
for compatible in (False, True):
    layer = nn.GroupNorm(2, 4, affine=False, pytorch_compatible=compatible)
    found[compatible] = np.asarray(layer(images)).mean((0, 1, 2))
    print(f"MLX {mx.__version__}, pytorch_compatible={compatible}: {found[compatible].round(2)}")
# Far values are together: the near ones of a pair come out alike, and the pairs apart.
assert np.allclose(found[False], [-1, -1, 1, 1], atol=0.02)
assert found[True][0] < -0.3 < 0.3 < found[True][1] and np.allclose(found[True][:2], found[True][2:])
PYTHON
"$folder/venv/bin/python" "$folder/groups.py"
