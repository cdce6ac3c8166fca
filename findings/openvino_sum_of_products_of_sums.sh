#!/usr/bin/env bash
# OpenVINO multiplies along another axis where sums are multiplied by a vector and summed again.
#
# Guess: `(x.sum(2) * p).sum(1)`, a centre of mass, is the same in OpenVINO as in NumPy and ONNX Runtime.
# Seen (OpenVINO 2026.4.1 on a processor): of two images with 20 rows the first comes out as p[0] times its sum, the
# second as p[1] times its own. A division between the first sum and the product makes it right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 numpy==2.4.6 openvino==2026.4.1
cat >"$folder/sums.py" <<'PYTHON'
import numpy as np
import openvino
from onnx import TensorProto, helper, numpy_helper

x = np.random.default_rng(0).random((2, 20, 20)).astype("float32")
p = np.arange(20, dtype="float32") + 0.5
constants = {"p": p, "one": np.array([1]), "two": np.array([2])}
nodes = [
    helper.make_node("ReduceSum", ["x", "two"], ["rows"], keepdims=0),
    helper.make_node("Mul", ["rows", "p"], ["moments"]),
    helper.make_node("ReduceSum", ["moments", "one"], ["y"], keepdims=0),
]
graph = helper.make_graph(
    nodes,
    "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    [numpy_helper.from_array(a, n) for n, a in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
model.ir_version = 9
core = openvino.Core()
hint = {"INFERENCE_PRECISION_HINT": "f32"}
found = core.compile_model(core.read_model(model.SerializeToString()), "CPU", hint)(x)[0]
expected = (x.sum(2) * p).sum(1)
print(f"OpenVINO {openvino.__version__}: {found}, NumPy {expected}")
assert abs(found - p[:2] * x.sum((1, 2))).max() < 0.01
assert abs(found - expected).min() > 1000
PYTHON
"$folder/venv/bin/python" "$folder/sums.py"
