#!/usr/bin/env bash
# OpenVINO computes other numbers if the image is a constant of the graph and not its input.
#
# Guess: a graph gives the same whether the same array is a constant or a parameter; at most the
# last digits differ.
# Seen (OpenVINO 2026.4.1, CPU, float32): convolution, reshape, transpose and a batched product.
# With a parameter the result is NumPy's to 2e-6; with a constant it is off by more than its largest
# value. Without the transpose, or without the product, both agree. Keras 3.15's OpenVINO backend
# makes graphs of constants when layers are called with arrays; its `predict` has parameters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1
cat >"$folder/constant.py" <<'PYTHON'
import sys

import numpy as np
import openvino as ov
import openvino.opset13 as op

rng = np.random.default_rng(0)
image = rng.normal(size=(5, 3, 4, 4)).astype("float32")
kernel = rng.normal(size=(6, 3, 1, 1)).astype("float32")
weights = rng.normal(size=(16, 6, 7)).astype("float32")


def result(source, inputs):
    maps = op.convolution(source, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    rows = op.transpose(op.reshape(maps, np.array([5, 6, 16]), False), np.array([2, 0, 1]))
    model = ov.Model([op.result(op.matmul(rows, weights, False, False))], inputs)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(model, "CPU", options)
    return np.array(compiled({0: image} if inputs else {})[0])


parameter = op.parameter([5, 3, 4, 4], ov.Type.f32)
as_parameter, as_constant = result(parameter, [parameter]), result(op.constant(image), [])
maps = np.einsum("bchw,oc->bohw", image, kernel[:, :, 0, 0])
expected = maps.reshape(5, 6, 16).transpose(2, 0, 1) @ weights
off = [np.abs(found - expected).max() for found in (as_parameter, as_constant)]
print(f"OpenVINO {ov.__version__[:8]}: largest value {np.abs(expected).max():.3f};", end=" ")
print(f"as a parameter off by {off[0]:.1e}, as a constant by {off[1]:.3f}")
sys.exit(bool(off[0] > 1e-4 or off[1] < np.abs(expected).max()))
PYTHON
"$folder/venv/bin/python" "$folder/constant.py"
