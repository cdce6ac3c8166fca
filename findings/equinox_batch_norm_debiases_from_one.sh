#!/usr/bin/env bash
# Equinox's batch normalization takes the start of its moving variance for zero, though it is one.
#
# Guess: BatchNorm(mode="batch") in inference, after some steps on batches of variance v, divides by sqrt(v): the
# moving statistics are divided by 1 - momentum**steps, which is right for a start at 0.
# Seen (Equinox 0.13.8, JAX 0.10.2): the variance starts at 1, so that it is v + 99 after one step of momentum 0.99,
# and v + 0.58 after 100. Activations in evaluation are too small until some hundreds of steps are done.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 equinox==0.13.8
cat >"$folder/norm.py" <<'PYTHON'
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

x = jnp.asarray(np.random.default_rng(0).normal(size=(256, 1)), jnp.float32)
layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(1, "batch", mode="batch", momentum=0.99)


def over_batch(layer):
    return jax.vmap(layer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))


for steps in range(1, 401):
    _, state = over_batch(layer)(x, state)
    if steps in (1, 100, 400):
        found = over_batch(eqx.nn.inference_mode(layer))(x, state)[0].var()
        used, left = x.var() / found, 0.99**steps
        print(f"Equinox {eqx.__version__}, {steps} steps: variance {x.var():.3f}, used {used:.3f}")
        assert np.isclose(used, x.var() + left / (1 - left), rtol=0.01)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/norm.py"
