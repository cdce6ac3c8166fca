#!/usr/bin/env bash
# Flax's pooling moves by one pixel unless told: a window of 2x2 turns 8x8 into 7x7.
#
# Guess: without strides, a pooling window moves by its own size, as in Keras and PyTorch: 8x8 becomes 4x4.
# Seen (Flax 0.12.8, JAX 0.10.2): `flax.linen.max_pool(x, (2, 2))` and `avg_pool` give 7x7; the strides must be
# passed. Nothing is said, and a network with a global pooling at its end takes the larger maps.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flax==0.12.8 jax==0.10.2
cat >"$folder/pooling.py" <<'PYTHON'
import flax
import flax.linen as nn
import jax.numpy as jnp

images = jnp.ones((1, 8, 8, 1))
shapes = [pool(images, (2, 2)).shape for pool in (nn.max_pool, nn.avg_pool)]
told = nn.max_pool(images, (2, 2), strides=(2, 2)).shape
print(f"Flax {flax.__version__}: 2x2 pooling of 8x8 gives {shapes}, with strides of 2 {told}")
assert shapes == [(1, 7, 7, 1)] * 2
assert told == (1, 4, 4, 1)
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
