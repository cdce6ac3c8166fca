#!/usr/bin/env bash
# Flax's average pooling counts the padding: beside the border, ones have a mean of 4/9.
#
# Guess: `flax.linen.avg_pool(..., padding="SAME")` divides by the pixels under the window, as TensorFlow and
# Keras do with "same".
# Seen (Flax 0.12.8, JAX 0.10.2): it divides by the whole window unless count_include_pad=False. A ResNet or
# GoogLeNet carried over from Keras has other values along the border.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flax==0.12.8 jax==0.10.2
cat >"$folder/pooling.py" <<'PYTHON'
import flax
import flax.linen as nn
import jax.numpy as jnp

ones = jnp.ones((1, 3, 3, 1))
usual = nn.avg_pool(ones, (3, 3), (1, 1), "SAME")
without = nn.avg_pool(ones, (3, 3), (1, 1), "SAME", count_include_pad=False)
print(f"Flax {flax.__version__}: corner {float(usual[0, 0, 0, 0]):.4f}, by default;", end=" ")
print(f"{float(without[0, 0, 0, 0]):.4f} with count_include_pad=False")
assert abs(float(usual[0, 0, 0, 0]) - 4 / 9) < 1e-6
assert abs(float(usual[0, 0, 1, 0]) - 6 / 9) < 1e-6
assert float(abs(without - 1).max()) < 1e-6
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
