#!/usr/bin/env bash
# Equinox's batch normalization normalizes by the moving statistics while it trains, unless told.
#
# Guess: in training each batch is normalized by its own mean and variance (Ioffe and Szegedy, 2015), so that it
# comes out with mean 0 and variance 1.
# Seen (Equinox 0.13.8, JAX 0.10.2): mode="ema" is the default, with a warning that it is and how to choose. The first
# batch sets the statistics, and later ones are normalized by their moving mean: a batch shifted by 5 comes out
# with a mean of 4.95. With mode="batch" it is as guessed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 equinox==0.13.8
cat >"$folder/norm.py" <<'PYTHON'
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

x = jnp.asarray(np.random.default_rng(0).normal(size=(256, 1)), jnp.float32)
x = (x - x.mean()) / x.std()
means = {}
for more in ({}, {"mode": "batch"}):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(1, "batch", momentum=0.99, **more)
    train = jax.vmap(layer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
    _, state = train(x, state)
    y, state = train(x + 5, state)
    means[bool(more)] = float(y.mean())
    print(f"Equinox {eqx.__version__}, {more}: mean {means[bool(more)]:.2f}, {len(said)} warnings")
assert abs(means[False] - 4.95) < 0.01 and abs(means[True]) < 1e-3
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/norm.py"
