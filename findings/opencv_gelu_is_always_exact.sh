#!/usr/bin/env bash
# OpenCV 5 computes GELU's exact form where the graph asks for the tanh form.
#
# Guess: `cv2.dnn` keeps approximate="tanh" of ONNX's Gelu, or refuses it.
# Seen (OpenCV 5.0.0): both forms give x * Phi(x), up to 0.0005 from the tanh form that ONNX Runtime 1.32.0
# computes. Networks that were trained with it, as BERT's and GPT's descendants, differ a little in each block.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
cat >"$folder/gelu.py" <<'PYTHON'
import math

import cv2
import numpy as np
import onnxruntime
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
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 9
    return model.SerializeToString()


def onnxruntime_answer(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def opencv_answer(model, x):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    network.setInput(x)
    return network.forward()


x = np.linspace(-4, 4, 200, dtype="float32")[None]
exact = np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x[0]])
far = {}
for form in ("none", "tanh"):
    model = graph("Gelu", x.shape, x.shape, approximate=form)
    far[form] = [
        abs(f(model, x)[0] - exact).max() for f in (opencv_answer, onnxruntime_answer)
    ]
    print(f"OpenCV {cv2.__version__}, {form}: {far[form][0]:.1e} from the exact form,", end=" ")
    print(f"ONNX Runtime {far[form][1]:.1e}")
assert max(far["none"]) < 1e-5
assert far["tanh"][0] < 1e-5 and 4e-4 < far["tanh"][1] < 6e-4
PYTHON
"$folder/venv/bin/python" "$folder/gelu.py"
