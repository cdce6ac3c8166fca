#!/usr/bin/env bash
# The ImageConverter of KerasHub cuts off what does not fit, against its documentation.
#
# Guess: what the docstring says: unless crop_to_aspect_ratio is set, an image is resized as a whole.
# Seen (KerasHub 0.32.0, Keras 3.15.1): the default is True. An image of 10x20 that is white in its outer
# quarters comes out black as a whole in 10x10, since they are cut off; with crop_to_aspect_ratio=False they
# are there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps keras-hub==0.32.0
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 packaging kagglehub pyyaml regex \
  sentencepiece tokenizers huggingface_hub
cat >"$folder/hub.py" <<'PYTHON'
import keras
import keras_hub
import numpy as np

image = np.zeros((1, 10, 20, 3), "float32")
image[:, :, :5] = image[:, :, 15:] = 255
rows = {}
for given in ({}, {"crop_to_aspect_ratio": False}):
    converter = keras_hub.layers.ImageConverter(image_size=(10, 10), **given)
    rows[str(given)] = keras.ops.convert_to_numpy(converter(image))[0, 0, :, 0].round().astype(int)
    print(given or "by default", rows[str(given)].tolist())
assert not rows["{}"].any() and rows[str(given)].max() == 255
assert "(`crop_to_aspect_ratio=False`)" in keras_hub.layers.ImageConverter.__doc__
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" HF_HOME="$folder" \
  "$folder/venv/bin/python" "$folder/hub.py" "$folder"
