#!/usr/bin/env bash
# Keras's RandomElasticTransform deforms a segmentation mask otherwise than its image.
#
# Guess: both are deformed by the same displacements, as RandomRotation and the others do it.
# Seen (Keras 3.15.1): the displacements are drawn anew for the masks. An image that is its own mask differs from
# its mask where either has been moved.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/elastic.py" <<'PYTHON'
import keras
import numpy as np

mask = 200.0 * (np.indices((64, 64))[1] > 32)[None, :, :, None].astype("float32")
batch = {"images": np.repeat(mask, 3, axis=-1), "segmentation_masks": mask}
rotate = keras.layers.RandomRotation(0.2, interpolation="nearest", fill_mode="nearest", seed=1)
deform = keras.layers.RandomElasticTransform(
    factor=(1.0, 1.0), scale=(0.5, 0.5), interpolation="nearest", fill_mode="nearest", seed=1
)
for layer, agree in ((rotate, True), (deform, False)):
    out = layer(dict(batch), training=True)
    images, masks = (np.asarray(out[key])[..., 0] for key in batch)
    differing = int(np.sum(images != masks))
    print(type(layer).__name__, "moved", int(np.sum(images != mask[..., 0])), "differing", differing)
    assert np.any(images != mask[..., 0])
    assert (differing == 0) is agree
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/elastic.py"
