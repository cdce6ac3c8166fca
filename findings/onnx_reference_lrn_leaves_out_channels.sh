#!/usr/bin/env bash
# ONNX's own reference evaluator normalizes the first channel alone in LRN.
#
# Guess: `onnx.reference.ReferenceEvaluator` computes what the specification of LRN says, for all channels.
# Seen (onnx 1.23.2): of one image with six channels the first is divided by its sum over the neighbours, and
# the other five by bias ** beta alone. ONNX Runtime 1.32.0 does as the specification says. A test of AlexNet's or
# GoogLeNet's export against the reference fails, or passes because alpha is small.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat >"$folder/lrn.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


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


def onnxruntime_answer(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


alpha, beta, bias, size = 1.0, 0.75, 2.0, 3
x = np.arange(1, 7, dtype="float32").reshape(1, 6, 1, 1)
model = graph("LRN", x.shape, x.shape, size=size, alpha=alpha, beta=beta, bias=bias)
squares = np.pad(x.ravel() ** 2, 1)
sums = squares[:-2] + squares[1:-1] + squares[2:]
expected = x.ravel() / (bias + alpha / size * sums) ** beta
reference = ReferenceEvaluator(onnx.load_from_string(model)).run(None, {"x": x})[0].ravel()
runtime = onnxruntime_answer(model, x).ravel()
print(f"onnx {onnx.__version__}: {reference.round(3)}, by hand {expected.round(3)}")
assert abs(runtime - expected).max() < 1e-5
assert abs(reference[0] - expected[0]) < 1e-5
assert abs(reference[1:] - x.ravel()[1:] / bias**beta).max() < 1e-5
PYTHON
"$folder/venv/bin/python" "$folder/lrn.py"
