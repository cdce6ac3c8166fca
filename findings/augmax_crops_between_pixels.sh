#!/usr/bin/env bash
# augmax's crops lie between the pixels, and so blur the image.
#
# Guess: CenterCrop and RandomCrop give pixels of the image, as slices do.
# Seen (augmax 0.4.1, JAX 0.10.2): the central 3x3 of 6x6 is the mean of four pixels each, for its centre lies on a
# corner of pixels; a random crop begins at a fraction of a pixel. 4x4 of 6x6 in the centre is a slice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6 augmax==0.4.1
cat >"$folder/crop.py" <<'PYTHON'
import importlib.metadata

import augmax
import jax
import jax.numpy as jnp
import numpy as np

image = np.random.default_rng(0).integers(0, 256, (6, 6, 3)).astype("float32") / 255
version = importlib.metadata.version("augmax")


def crop(transform, seed=0):
    return np.asarray(augmax.Chain(transform)(jax.random.key(seed), jnp.asarray(image)))


def is_a_slice(found):
    side = len(found)
    starts = range(7 - side)
    return any(
        np.allclose(found, image[i : i + side, j : j + side]) for i in starts for j in starts
    )


odd = crop(augmax.CenterCrop(3))
four = sum(image[i : i + 3, j : j + 3] for i in (1, 2) for j in (1, 2)) / 4
drawn = [is_a_slice(crop(augmax.RandomCrop(4), seed)) for seed in range(20)]
print(f"augmax {version}: centre 4x4 a slice: {is_a_slice(crop(augmax.CenterCrop(4)))}; 3x3: "
      f"{is_a_slice(odd)}; of 20 random crops {sum(drawn)} are slices")
assert is_a_slice(crop(augmax.CenterCrop(4))) and np.allclose(odd, four, atol=1e-6)
assert not any(drawn)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/crop.py"
