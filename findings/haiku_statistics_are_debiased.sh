#!/usr/bin/env bash
# Haiku's batch normalization divides its moving statistics by 1 - decay**steps.
#
# Guess: after one training step with decay_rate=0.9 the moving mean is 0.1 of the batch's, as in Keras, PyTorch and
# Flax, and the moving variance 0.9 + 0.1 of the batch's.
# Seen (Haiku 0.0.17, JAX 0.10.2): they are the batch's own. The state has three entries each: `hidden` starts from 0
# and is as guessed but for the 0.9, and `average`, which is used, is `hidden` divided. Weights carried over from
# Haiku are right with `average`; after few steps its networks in evaluation are nearer to training than others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 dm-haiku==0.0.17
cat >"$folder/statistics.py" <<'PYTHON'
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 2)) * 3 + 1)
network = hk.transform_with_state(
    lambda x, training: hk.BatchNorm(True, True, decay_rate=0.9)(x, is_training=training)
)
parameters, state = network.init(jax.random.key(0), x, True)
_, state = network.apply(parameters, state, None, x, True)
for name, batch in {"mean_ema": x.mean(0), "var_ema": x.var(0)}.items():
    found = state[f"batch_norm/~/{name}"]
    print(f"Haiku {hk.__version__}, {name}: average {found['average']}, hidden {found['hidden']}")
    assert np.allclose(found["average"], batch, rtol=1e-5)
    assert np.allclose(found["hidden"], 0.1 * batch, rtol=1e-5)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/statistics.py"
