#!/usr/bin/env bash
# Flax's average pooling of bytes overflows: the mean of four pixels of 200 is 8.
#
# Guess: `flax.linen.avg_pool` of uint8 images gives 200, or refuses integers.
# Seen (Flax 0.12.8, JAX 0.10.2): the sum is kept in uint8, 800 becomes 32, and the quotient is 8.0, a float.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flax==0.12.8 jax==0.10.2
cat >"$folder/pooling.py" <<'PYTHON'
import flax
import flax.linen as nn
import jax.numpy as jnp

images = jnp.full((1, 4, 4, 1), 200)
pooled = {
    kind: nn.avg_pool(images.astype(kind), (2, 2), (2, 2)) for kind in ("float32", "uint8")
}
for kind, values in pooled.items():
    print(f"Flax {flax.__version__}, {kind}: {values.dtype} {values.ravel().tolist()}")
assert pooled["float32"].ravel().tolist() == [200.0] * 4
assert pooled["uint8"].ravel().tolist() == [8.0] * 4
assert str(pooled["uint8"].dtype).startswith("float")
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
