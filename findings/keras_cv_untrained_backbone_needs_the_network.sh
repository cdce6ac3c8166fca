#!/usr/bin/env bash
# KerasCV's ResNet18Backbone() without weights asks Kaggle for its shape.
#
# Guess: a network with random weights is built from the package alone.
# Seen (KerasCV 0.9.0, Keras 3.15.1, TensorFlow 2.21.0): the names with a depth are presets, and each
# preset's configuration is downloaded from Kaggle. Without a way there the constructor raises a
# connection error. ResNetBackbone with the stages written out is built.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 keras-cv==0.9.0
cat >"$folder/build.py" <<'PYTHON'
import keras_cv

stages = {"stackwise_filters": [64, 128], "stackwise_blocks": [2, 2], "stackwise_strides": [1, 2]}
model = keras_cv.models.ResNetBackbone(
    **stages, include_rescaling=False, block_type="basic_block", input_shape=(32, 32, 3)
)
print("ResNetBackbone:", model.count_params(), "parameters")
try:
    keras_cv.models.ResNet18Backbone(include_rescaling=False, input_shape=(32, 32, 3))
except Exception as error:  # of requests, which is KerasCV's matter
    print("ResNet18Backbone raises", type(error).__name__)
    assert type(error).__module__.startswith("requests"), type(error)
else:
    raise SystemExit("ResNet18Backbone was built")
PYTHON
# A proxy that is not there, so that no server is reached from any machine.
HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 KAGGLEHUB_CACHE=$folder/cache \
  KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/build.py" 2>/dev/null
