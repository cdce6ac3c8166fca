#!/usr/bin/env bash
# Haiku's layers begin with weights of 0.88 times the deviation that is asked for.
#
# Guess: hk.Linear and hk.Conv2D draw with the deviation 1 / sqrt(fan_in), as their documentation says and LeCun's
# rule has it.
# Seen (Haiku 0.0.17, JAX 0.10.2): 0.88 of it. The normal distribution is cut at two deviations, which makes it
# narrower, and nothing makes up for it; hk.initializers.VarianceScaling does, and gives 1 / sqrt(fan_in).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 dm-haiku==0.0.17
cat >"$folder/start.py" <<'PYTHON'
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np


def deviation(layer, shape):
    parameters = hk.transform(lambda x: layer()(x)).init(jax.random.key(0), jnp.zeros(shape))
    (weights,) = parameters.values()
    return float(weights["w"].std())


scaled = {"w_init": hk.initializers.VarianceScaling()}
for name, layer, shape, fan_in in [
    ("Linear", lambda **more: hk.Linear(512, **more), (1, 400), 400),
    ("Conv2D", lambda **more: hk.Conv2D(256, 3, **more), (1, 8, 8, 64), 576),
]:
    for more, expected in (({}, 0.8796), (scaled, 1.0)):
        ratio = deviation(lambda: layer(**more), shape) * fan_in**0.5
        print(f"Haiku {hk.__version__}, {name}({', '.join(more)}): {ratio:.3f} / sqrt(fan_in)")
        assert abs(ratio - expected) < 0.01
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/start.py"
