#!/usr/bin/env bash
# The preprocess_input of keras.applications changes the array that it is given.
#
# Guess: it gives a new array, and a second call with the same images the same result.
# Seen (Keras 3.15.1): a NumPy array of floats is changed in place, by a network whose images are centred; so a
# second call gives other numbers. That of VGG and ResNet leaves the means subtracted, with red and blue as they
# were. Bytes, tensors and the images of EfficientNet and ConvNeXt, which are passed on, stay as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/preprocess.py" <<'PYTHON'
import keras
import numpy as np

changed = {}
for name in ("vgg16", "resnet", "resnet_v2", "mobilenet", "densenet", "efficientnet", "convnext"):
    preprocess = getattr(keras.applications, name).preprocess_input
    images = np.full((1, 2, 2, 3), 200.0, "float32")
    once = np.array(preprocess(images))
    kept = images.copy()
    twice = np.array(preprocess(images))
    print(f"{name:13}", kept[0, 0, 0], once[0, 0, 0], "and again", twice[0, 0, 0])
    changed[name] = not np.all(kept == 200)
    assert changed[name] != np.array_equal(once, twice)
    images = np.full((1, 2, 2, 3), 200, "uint8")
    preprocess(images)
    assert np.all(images == 200)
    tensor = keras.ops.full((1, 2, 2, 3), 200.0)
    preprocess(tensor)
    assert np.all(np.asarray(tensor) == 200)
assert [name for name, it in changed.items() if not it] == ["efficientnet", "convnext"]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/preprocess.py"
