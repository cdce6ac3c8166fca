#!/usr/bin/env bash
# Keras's RandAugment draws its operations once for the whole batch.
#
# Guess: each image gets operations of its own, as in the paper (Cubuk et al., 2019), in torchvision and in
# timm.
# Seen (Keras 3.15.1): all images of a batch get the same ones. With a factor of 0, which leaves
# nothing else to draw, eight copies of an image come out as eight equal images in each of 20 batches, and
# the batches differ from each other.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0
cat >"$folder/augment.py" <<'PYTHON'
import keras
import numpy as np

image = np.random.default_rng(0).integers(20, 200, (1, 8, 8, 3)).astype("float32")
layer = keras.layers.RandAugment(num_ops=1, factor=0.0, seed=0)
batches = [
    keras.ops.convert_to_numpy(layer(np.repeat(image, 8, axis=0), training=True)) for _ in range(20)
]
equal = [bool(np.allclose(batch, batch[:1], atol=1e-2)) for batch in batches]
kinds = {batch[0].round().tobytes() for batch in batches}
print("batches of equal images:", sum(equal), "of 20; different results:", len(kinds))
assert all(equal) and len(kinds) >= 3
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/augment.py"
