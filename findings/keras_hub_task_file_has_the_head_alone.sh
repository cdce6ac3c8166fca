#!/usr/bin/env bash
# In a KerasHub preset of a classifier, task.weights.h5 has the head alone.
#
# Guess: task.weights.h5 is the whole classifier, and model.weights.h5 the backbone alone, so that
# either file can be read by itself.
# Seen (KerasHub 0.32.0, Keras 3.15.1 on PyTorch 2.13.0): task.weights.h5 has the arrays of the
# output layer and none of the backbone; a reader of the classifier needs both files.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps keras-hub==0.32.0
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 h5py==3.14.0 packaging kagglehub \
  pyyaml regex sentencepiece tokenizers huggingface_hub
cat >"$folder/preset.py" <<'PYTHON'
import sys

import h5py
import keras
import keras_hub

backbone = keras_hub.models.ResNetBackbone(
    input_conv_filters=[64],
    input_conv_kernel_sizes=[3],
    stackwise_num_filters=[64],
    stackwise_num_blocks=[1],
    stackwise_num_strides=[1],
    block_type="basic_block",
    image_shape=(16, 16, 3),
)
classifier = keras_hub.models.ResNetImageClassifier(backbone=backbone, num_classes=3)
classifier.save_to_preset(sys.argv[1])


def shapes(name):
    found = {}
    with h5py.File(f"{sys.argv[1]}/{name}") as file:
        file.visititems(
            lambda path, value: found.update({path: value.shape})
            if isinstance(value, h5py.Dataset)
            else None
        )
    return found


task, model = shapes("task.weights.h5"), shapes("model.weights.h5")
print(f"KerasHub {keras_hub.__version__}, Keras {keras.__version__}: the classifier has "
      f"{len(classifier.weights)} weights, its backbone {len(backbone.weights)}; "
      f"task.weights.h5 has {len(task)}, model.weights.h5 {len(model)}")
print(task)
head = [path for path in task if not path.startswith("optimizer/")]
sys.exit(
    not (
        len(head) == len(classifier.weights) - len(backbone.weights) == 2
        and len(model) == len(backbone.weights)
    )
)
PYTHON
KERAS_BACKEND=torch KERAS_HOME="$folder" HF_HOME="$folder" \
  "$folder/venv/bin/python" "$folder/preset.py" "$folder/preset" 2>"$folder/log" ||
  { cat "$folder/log"; exit 1; }
