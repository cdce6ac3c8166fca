#!/usr/bin/env bash
# VGGBackbone of KerasHub takes a dtype and computes in float32.
#
# Guess: dtype="bfloat16" is the policy of its layers, as of ResNetBackbone.
# Seen (KerasHub 0.32.0, Keras 3.15.1): the backbone says bfloat16, and each of its layers and weights is of
# float32. ResNetBackbone has bfloat16 in all layers that compute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps keras-hub==0.32.0
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 packaging kagglehub pyyaml regex \
  sentencepiece tokenizers huggingface_hub
cat >"$folder/hub.py" <<'PYTHON'
import keras_hub

vgg = keras_hub.models.VGGBackbone([1, 1], [8, 8], image_shape=(32, 32, 3), dtype="bfloat16")
resnet = keras_hub.models.ResNetBackbone(
    input_conv_filters=[64],
    input_conv_kernel_sizes=[3],
    stackwise_num_filters=[64],
    stackwise_num_blocks=[1],
    stackwise_num_strides=[1],
    block_type="basic_block",
    image_shape=(32, 32, 3),
    dtype="bfloat16",
)
for model in (vgg, resnet):
    convolutions = {layer.compute_dtype for layer in model.layers if "conv" in layer.name}
    weights = {str(weight.dtype) for weight in model.trainable_weights}
    print(type(model).__name__, model.dtype_policy.name, "convolutions:", convolutions, "weights:", weights)
    expected = {"float32"} if model is vgg else {"bfloat16"}
    assert model.dtype_policy.name == "bfloat16" and convolutions == weights == expected
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" HF_HOME="$folder" \
  "$folder/venv/bin/python" "$folder/hub.py" "$folder"
