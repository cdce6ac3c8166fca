#!/usr/bin/env bash
# OpenCV 5 and OpenVINO read Resize with antialias=1, and resize without it.
#
# Guess: an engine that does not know `antialias`, of ONNX's Resize since version 18, refuses the graph.
# Seen (OpenCV 5.0.0, OpenVINO 2026.4.1): both give what they give without. Of random pixels, 16x16 to 4x4, ONNX
# Runtime 1.32.0 has other values with it, by up to 64 of 255; the two have the same. A preprocessing that is
# part of the graph then feeds the network other images.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 opencv-python-headless==5.0.0.93 openvino==2026.4.1
cat >"$folder/resize.py" <<'PYTHON'
import cv2
import numpy as np
import onnxruntime
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
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model.SerializeToString()


def onnxruntime_answer(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def opencv_answer(model, x):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    network.setInput(x)
    return network.forward()


def openvino_answer(model, x):
    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return core.compile_model(core.read_model(model), "CPU", hint)(x)[0]


rng = np.random.default_rng(0)
x = rng.uniform(0, 255, (1, 1, 16, 16)).astype("float32")
empty, size = np.array([], "float32"), np.array([1, 1, 4, 4], "int64")
answers = {}
for antialias in (0, 1):
    model = graph(
        "Resize", x.shape, (1, 1, 4, 4), [empty, empty, size], mode="linear", antialias=antialias
    )
    for engine in (onnxruntime_answer, opencv_answer, openvino_answer):
        answers[engine.__name__, antialias] = engine(model, x)
for engine in ("onnxruntime_answer", "opencv_answer", "openvino_answer"):
    moved = abs(answers[engine, 1] - answers[engine, 0]).max()
    print(f"OpenCV {cv2.__version__}, OpenVINO {openvino.__version__}: {engine}: antialiasing changes {moved:.1f}")
    assert (moved > 10) == (engine == "onnxruntime_answer")
    assert abs(answers[engine, 0] - answers["onnxruntime_answer", 0]).max() < 1e-2
PYTHON
"$folder/venv/bin/python" "$folder/resize.py"
