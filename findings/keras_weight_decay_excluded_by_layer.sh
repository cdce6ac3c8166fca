#!/usr/bin/env bash
# optimizer.exclude_from_weight_decay(var_names=["layer_norm"]) excludes nothing.
#
# Guess: names are looked for in a weight's whole path, "layer_norm_1/gamma", as the variable.name of Keras 2
# was; or a name that is found nowhere is an error.
# Seen (Keras 3.15.1): only the last part of the path is looked at, "gamma", so that no layer can be named.
# Names that fit no weight are taken without a word, and all weights decay.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2
cat >"$folder/weight.py" <<'PYTHON'
import keras

network = keras.Sequential(
    [
        keras.Input((3,)),
        keras.layers.Dense(2, name="dense"),
        keras.layers.LayerNormalization(name="layer_norm"),
    ]
)
rule = keras.optimizers.AdamW(learning_rate=1.0, weight_decay=0.5)
rule.exclude_from_weight_decay(var_names=["layer_norm", "layer_norm/beta", "bias"])
rule.build(network.trainable_variables)
network.get_layer("dense").bias.assign([1.0, 1.0])
network.get_layer("layer_norm").beta.assign([1.0, 1.0])
rule.apply([keras.ops.zeros(weight.shape) for weight in network.trainable_variables])
found = {weight.path: keras.ops.convert_to_numpy(weight).tolist() for weight in network.weights}
print(found)
of = {path.partition("/")[2]: value for path, value in found.items()}
assert of["layer_norm/gamma"] == of["layer_norm/beta"] == [0.5, 0.5]
assert of["dense/bias"] == [1.0, 1.0]
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/weight.py"
