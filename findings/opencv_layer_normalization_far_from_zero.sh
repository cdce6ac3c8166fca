#!/usr/bin/env bash
# OpenCV 5's layer normalization loses values far from zero: a deviation of 0.1 about 1,000 is lost.
#
# Guess: LayerNormalization gives a deviation of 1 in float32, as in ONNX Runtime.
# Seen (OpenCV 5.0.0, two cores): the variance is a difference of two numbers of a million, and the outputs are
# off by more than 1. ONNX Runtime 1.32.0 has a deviation of 1.00.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
cat >"$folder/normalization.py" <<'PYTHON'
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
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model.SerializeToString()


def onnxruntime_answer(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def opencv_answer(model, x):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    network.setInput(x)
    return network.forward()


x = np.random.default_rng(0).normal(1000, 0.1, (1, 1, 4096)).astype("float32")
weights = [np.ones(4096, "float32"), np.zeros(4096, "float32")]
model = graph("LayerNormalization", x.shape, x.shape, weights, axis=-1, epsilon=1e-6)
ours, runtime = opencv_answer(model, x), onnxruntime_answer(model, x)
print(f"OpenCV {cv2.__version__}: deviation {ours.std():.2f}, ONNX Runtime {runtime.std():.2f},", end=" ")
print(f"largest difference {abs(ours - runtime).max():.2f}")
assert abs(runtime.std() - 1) < 0.01
assert abs(ours - runtime).max() > 1
PYTHON
"$folder/venv/bin/python" "$folder/normalization.py"
