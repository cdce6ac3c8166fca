#!/usr/bin/env bash
# Flax's normalizations lose values far from zero: a deviation of 0.1 about 1,000 comes out as 32, not as 1.
#
# Guess: BatchNorm and LayerNorm give a deviation of 1 in float32, as Keras's and PyTorch's do.
# Seen (Flax 0.12.8, JAX 0.10.2): by default the variance is the mean of the squares less the square of the mean.
# Both are about 1,000,000, their difference is lost, and a negative one is taken for 0. BatchNorm gives
# a deviation above 10, LayerNorm above 50. use_fast_variance=False gives 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flax==0.12.8 jax==0.10.2
cat >"$folder/normalization.py" <<'PYTHON'
import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

values = np.random.default_rng(0).normal(1000, 0.1, 4096).astype("float32")
found = {}
for name, make, shape in (
    ("BatchNorm", lambda **a: nn.BatchNorm(use_running_average=False, **a), (4096, 1)),
    ("LayerNorm", nn.LayerNorm, (1, 4096)),
):
    for arguments in ({}, {"use_fast_variance": False}):
        layer, x = make(**arguments), jnp.asarray(values.reshape(shape))
        variables = layer.init(jax.random.key(0), x)
        y = layer.apply(variables, x, mutable=["batch_stats"])[0]
        found[name, bool(arguments)] = float(y.std())
        print(f"Flax {flax.__version__}, {name}, {arguments}: deviation {float(y.std()):.2f}")
assert found["BatchNorm", False] > 10 and found["LayerNorm", False] > 50
assert all(abs(found[name, True] - 1) < 0.01 for name in ("BatchNorm", "LayerNorm"))
PYTHON
"$folder/venv/bin/python" "$folder/normalization.py"
