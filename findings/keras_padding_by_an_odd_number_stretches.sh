#!/usr/bin/env bash
# Keras's Resizing with pad_to_aspect_ratio stretches an image that needs an odd number of columns.
#
# Guess: an image of 10x7 in a square of 10 keeps its pixels, with 3 columns of padding, 1 and 2.
# Seen (Keras 3.15.1): it gets 1 at either side, and the 9 columns are resized to 10. A plain image of 100 has columns
# of 85 at its edges, and seven columns become eight. With 10x6 the pixels are kept. ops.image.resize does the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/padding.py" <<'PYTHON'
import keras
import numpy as np

for width in (6, 7):
    image = np.full((1, 10, width, 1), 100.0, "float32")
    layer = keras.layers.Resizing(10, 10, pad_to_aspect_ratio=True)
    rows = [np.asarray(out)[0, 5, :, 0].round().tolist() for out in (
        layer(image),
        keras.ops.image.resize(image, (10, 10), pad_to_aspect_ratio=True),
    )]
    print(f"10x{width}:", rows[0])
    assert rows[0] == rows[1]
    assert rows[0] == ([0, 0] + [100] * 6 + [0, 0] if width == 6 else [0, 85] + [100] * 6 + [85, 0])
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/padding.py"
