#!/usr/bin/env bash
# OpenVINO's LRN over an even number of channels takes one channel fewer, and divides by the number asked for.
#
# Guess: ONNX's LRN of size 4 sums one channel before and two behind, as the specification says; an engine that
# knows odd sizes alone refuses it, as ONNX Runtime does.
# Seen (OpenVINO 2026.4.1): of size 4 it sums the squares of three channels, of size 2 of one, and still divides
# alpha by 4 and 2. PyTorch's layer takes two before and one behind.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 numpy==2.4.6 openvino==2026.4.1
cat >"$folder/lrn.py" <<'PYTHON'
import numpy as np
import openvino
from onnx import TensorProto, helper, numpy_helper


def graph(operation, shape, output, inputs=(), **attributes):
    names = [f"weight{i}" for i in range(len(inputs))]
    node = helper.make_node(operation, ["x", *names], ["y"], **attributes)
    body = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(a, n) for a, n in zip(inputs, names)],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 9
    return model.SerializeToString()


def openvino_answer(model, x):
    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(model), "CPU", hint)(x)[0]


x = np.full((1, 7, 1, 1), 1e-3, "float32")
x[0, 3] = 1
reach = {}
for size in (2, 3, 4, 5):
    # y = x / (1 + sum of the squares): where the sum is 1, the window reaches the 1 in the middle.
    model = graph("LRN", x.shape, x.shape, size=size, alpha=float(size), beta=1.0, bias=1.0)
    sums = x / openvino_answer(model, x) - 1
    reach[size] = np.flatnonzero(sums.ravel() > 0.5).tolist()
    print(f"OpenVINO {openvino.__version__}, size {size}: channel 3 counts for {reach[size]}")
assert reach[3] == [2, 3, 4] and reach[5] == [1, 2, 3, 4, 5]
assert reach[2] == [3] and reach[4] == [2, 3, 4]
PYTHON
"$folder/venv/bin/python" "$folder/lrn.py"
