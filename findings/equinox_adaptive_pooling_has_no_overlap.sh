#!/usr/bin/env bash
# Equinox's adaptive pooling shares the cells out, where PyTorch's windows overlap.
#
# Guess: AdaptiveAvgPool2d(3) of the row 0, 1, 2, 3, 4 gives 0.5, 2 and 3.5: from floor(5 i / 3) to
# ceil(5 (i + 1) / 3), as PyTorch's layer of this name.
# Seen (Equinox 0.13.8, JAX 0.10.2): 0.5, 2.5 and 4: the first windows have a cell more, and no cell is in two.
# A VGG, whose adaptive pooling is to 7x7, differs on images whose maps are no multiple of 7.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 equinox==0.13.8
cat >"$folder/pooling.py" <<'PYTHON'
import equinox as eqx
import jax.numpy as jnp
import numpy as np

row = jnp.arange(5.0)[None, None] * jnp.ones((1, 5, 1))
found = eqx.nn.AdaptiveAvgPool2d(3)(row)[0, 0]
windows = [(5 * i // 3, -(-5 * (i + 1) // 3)) for i in range(3)]
torch_like = [float(row[0, 0, start:end].mean()) for start, end in windows]
print(f"Equinox {eqx.__version__}: {found.tolist()}; PyTorch's windows {windows}: {torch_like}")
assert np.allclose(found, [0.5, 2.5, 4]) and np.allclose(torch_like, [0.5, 2, 3.5])
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/pooling.py"
