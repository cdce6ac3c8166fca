#!/usr/bin/env bash
# A model of the features of a KerasHub ViT is saved and cannot be loaded.
#
# Guess: keras.Model(backbone.inputs, backbone.layers[-1].output * 2) is a model as any: what save writes,
# load_model reads.
# Seen (KerasHub 0.32.0, Keras 3.15.1): save goes through, load_model raises TypeError: the configuration of
# its layers has keys, such as num_patches, which their constructors refuse. The backbone as a
# whole is loaded, and the features of a ResNet are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps keras-hub==0.32.0
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 packaging kagglehub pyyaml regex \
  sentencepiece tokenizers huggingface_hub
cat >"$folder/hub.py" <<'PYTHON'
import sys

import keras
import keras_hub

vit = keras_hub.models.ViTBackbone(
    image_shape=(32, 32, 3), patch_size=8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32
)
resnet = keras_hub.models.ResNetBackbone(
    input_conv_filters=[64],
    input_conv_kernel_sizes=[3],
    stackwise_num_filters=[64],
    stackwise_num_blocks=[1],
    stackwise_num_strides=[1],
    block_type="basic_block",
    image_shape=(32, 32, 3),
)
models = {
    "the ViT": vit,
    "features of the ViT": keras.Model(vit.inputs, vit.layers[-1].output * 2),
    "features of the ResNet": keras.Model(resnet.inputs, resnet.layers[4].output * 2),
}
loaded = {}
for name, model in models.items():
    model.save(f"{sys.argv[1]}/model.keras")
    try:
        keras.saving.load_model(f"{sys.argv[1]}/model.keras")
        loaded[name] = True
    except TypeError:
        loaded[name] = False
    print(name, "loaded" if loaded[name] else "raises TypeError")
assert list(loaded.values()) == [True, False, True]
for layer in vit.layers[1:]:
    try:
        type(layer).from_config(layer.get_config())
        print(layer.name, "made again")
    except TypeError as error:
        print(layer.name, str(error).splitlines()[0][:120])
PYTHON
KERAS_BACKEND=jax KERAS_HOME="$folder" HF_HOME="$folder" \
  "$folder/venv/bin/python" "$folder/hub.py" "$folder"
