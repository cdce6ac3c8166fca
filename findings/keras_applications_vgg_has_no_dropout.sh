#!/usr/bin/env bash
# keras.applications.VGG16 has no dropout, which its paper trains with.
#
# Guess: two dropouts of 0.5 behind the first two dense layers (Simonyan and Zisserman, section 3.1).
# Seen (Keras 3.15.1): none, in VGG16 and VGG19. For prediction it makes no difference; who fine-tunes or trains the
# whole network has to add them, and cannot in between by an argument.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/vgg.py" <<'PYTHON'
import keras

for build in (keras.applications.VGG16, keras.applications.VGG19):
    network = build(weights=None, input_shape=(32, 32, 3), classes=2)
    kinds = [type(layer).__name__ for layer in network.layers]
    print(f"Keras {keras.__version__}, {network.name}: ends with {kinds[-4:]}")
    assert "Dropout" not in kinds and kinds[-4:] == ["Flatten", "Dense", "Dense", "Dense"]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/vgg.py"
