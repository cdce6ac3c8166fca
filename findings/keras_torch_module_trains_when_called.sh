#!/usr/bin/env bash
# A PyTorch module in a Keras model is in training mode whenever the model is called.
#
# Guess: model(x) is inference, as of a model of Keras layers; after model.eval() at the latest.
# Seen (Keras 3.15.1, PyTorch 2.13.0): without training=False TorchModuleWrapper calls train() of its module.
# So model(x) draws dropout and moves the statistics of batch normalization, after model.eval(), too.
# predict and training=False do not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0
cat >"$folder/module.py" <<'PYTHON'
import keras
import torch

images = torch.randn(64, 100, generator=torch.Generator().manual_seed(0)) + 5


def seen(call):
    """The share of outputs that dropout has set to 0, and the running mean, at first 0."""
    module = torch.nn.Sequential(torch.nn.BatchNorm1d(100, momentum=1.0), torch.nn.Dropout(0.5))
    layer = keras.layers.TorchModuleWrapper(module)
    model = keras.Sequential([keras.Input((100,)), layer])
    zeros = float((torch.as_tensor(call(model)) == 0).float().mean())
    return round(zeros, 1), round(float(module[0].running_mean.mean()), 1)


ways = {
    "model(x)": seen(lambda model: model(images)),
    "model.eval()(x)": seen(lambda model: model.eval()(images)),
    "model(x, training=False)": seen(lambda model: model(images, training=False)),
    "predict": seen(lambda model: model.predict(images.numpy(), verbose=0)),
}
for way, (zeros, mean) in ways.items():
    print(f"{way}: zeros {zeros}, running mean {mean}")
assert list(ways.values()) == [(0.5, 5.0), (0.5, 5.0), (0.0, 0.0), (0.0, 0.0)]
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/module.py"
