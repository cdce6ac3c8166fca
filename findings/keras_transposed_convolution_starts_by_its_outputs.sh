#!/usr/bin/env bash
# Keras starts a transposed convolution by the number of its outputs.
#
# Guess: he_normal has the variance 2 over the values that an output sums, as He et al. (2015) derive it: with 64
# input maps and a kernel of 3x3 at stride 1, 576.
# Seen (Keras 3.15.1): the last but one axis of the kernel counts as the inputs. That of Conv2DTranspose is of its
# outputs: 4 output maps give a deviation four times too large, 256 one half as large. Conv2D is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/transposed.py" <<'PYTHON'
import keras
import numpy as np

keras.utils.set_random_seed(0)
right = np.sqrt(2 / (9 * 64))
found = {}
for name in ("Conv2D", "Conv2DTranspose"):
    for filters in (4, 256):
        layer = getattr(keras.layers, name)(filters, 3, kernel_initializer="he_normal")
        layer.build((None, 8, 8, 64))
        kernel = np.asarray(layer.kernel)
        found[name, filters] = kernel.std() / right
        print(name, kernel.shape, f"deviation over that of He et al.: {found[name, filters]:.2f}")
assert all(abs(found["Conv2D", filters] - 1) < 0.05 for filters in (4, 256))
assert abs(found["Conv2DTranspose", 4] - 4) < 0.2 and abs(found["Conv2DTranspose", 256] - 0.5) < 0.02
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/transposed.py"
