#!/usr/bin/env bash
# ONNX's own reference evaluator pads MaxPool's SAME_LOWER behind, as SAME_UPPER.
#
# Guess: with auto_pad="SAME_LOWER" the odd row of padding comes in front: of 0 to 7, a window of 3 that moves by
# 2 has the maxima 1, 3, 5, 7.
# Seen (onnx 1.23.2): `onnx.reference.ReferenceEvaluator` gives 2, 4, 6, 7, those of SAME_UPPER; its AveragePool
# and ONNX Runtime 1.32.0 keep the two apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat >"$folder/pooling.py" <<'PYTHON'
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
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 19)])
    model.ir_version = 9
    return model.SerializeToString()


def onnxruntime_answer(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


x = np.tile(np.arange(8, dtype="float32"), (8, 1))[None, None]
answers = {}
for operation in ("MaxPool", "AveragePool"):
    for pad in ("SAME_LOWER", "SAME_UPPER"):
        model = graph(
            operation, x.shape, (1, 1, 4, 4), kernel_shape=[3, 3], strides=[2, 2], auto_pad=pad
        )
        reference = ReferenceEvaluator(onnx.load_from_string(model)).run(None, {"x": x})[0]
        runtime = onnxruntime_answer(model, x)
        answers[operation, pad] = reference[0, 0, 1].tolist(), runtime[0, 0, 1].tolist()
        print(f"onnx {onnx.__version__}, {operation}, {pad}: {answers[operation, pad]}")
upper, lower = [2.0, 4.0, 6.0, 7.0], [1.0, 3.0, 5.0, 7.0]
assert answers["MaxPool", "SAME_UPPER"] == (upper, upper)
assert answers["MaxPool", "SAME_LOWER"] == (upper, lower)
assert answers["AveragePool", "SAME_LOWER"][0] == answers["AveragePool", "SAME_LOWER"][1]
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
