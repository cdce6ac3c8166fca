#!/usr/bin/env bash
# Flax's transposed convolution stamps its kernel turned by 180 degrees.
#
# Guess: `flax.linen.ConvTranspose` of a single 1 gives the kernel, as Keras's Conv2DTranspose and PyTorch's do.
# Seen (Flax 0.12.8, JAX 0.10.2): it gives the kernel upside down and mirrored. With transpose_kernel=True it
# gives the kernel, but takes its axes of channels the other way round.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flax==0.12.8 jax==0.10.2
cat >"$folder/transposed.py" <<'PYTHON'
import flax
import flax.linen as nn
import jax.numpy as jnp

kernel = jnp.arange(9.0).reshape(3, 3, 1, 1)
point = jnp.ones((1, 1, 1, 1))
stamps = {}
for turned in (False, True):
    layer = nn.ConvTranspose(1, (3, 3), use_bias=False, padding="VALID", transpose_kernel=turned)
    stamps[turned] = layer.apply({"params": {"kernel": kernel}}, point)[0, ..., 0]
    print(f"Flax {flax.__version__}, transpose_kernel={turned}: {stamps[turned].ravel().tolist()}")
assert (stamps[False] == kernel[::-1, ::-1, 0, 0]).all()
assert (stamps[True] == kernel[..., 0, 0]).all()
PYTHON
"$folder/venv/bin/python" "$folder/transposed.py"
