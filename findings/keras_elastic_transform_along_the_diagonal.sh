#!/usr/bin/env bash
# Keras's elastic transform moves every pixel along the diagonal.
#
# Guess: the two displacements of a pixel, to the side and down, are drawn one by one (Simard, Steinkraus and
# Platt, 2003).
# Seen (Keras 3.15.1): `ops.image.elastic_transform` draws both from one seed, and they are equal. An image whose
# values are the column, and one whose values are the row, come out with the same differences. So do they of the
# layer RandomElasticTransform.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/elastic.py" <<'PYTHON'
import keras
import numpy as np

row, column = np.indices((32, 32), dtype="float32")
image = np.stack([column, row], axis=-1)[None]
distorted = keras.ops.image.elastic_transform(image, alpha=3.0, sigma=3.0, fill_mode="nearest", seed=1)
# Far from the border a bilinear reading of a ramp is exact.
moved = (np.asarray(distorted) - image)[0, 10:22, 10:22]
print("columns:", moved[0, :4, 0], "rows:", moved[0, :4, 1])
assert np.abs(moved).max() > 0.5
assert np.allclose(moved[..., 0], moved[..., 1], atol=1e-4)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/elastic.py"
