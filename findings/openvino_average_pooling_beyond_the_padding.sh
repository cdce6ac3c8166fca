#!/usr/bin/env bash
# OpenVINO and OpenCV divide an average beside the border by cells that lie beyond the padding.
#
# Guess: AveragePool with ceil_mode and count_include_pad divides by the cells of image and padding, as PyTorch's
# AvgPool2d, from which such graphs come: of 3x3 windows on 8x8 ones with a padding of 1, the last corner is 1/4.
# Seen (OpenVINO 2026.4.1, OpenCV 5.0.0): 1/9: five cells of the last window lie outside of everything, and
# count. ONNX Runtime 1.32.0 gives 1/4. No engine says anything.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 opencv-python-headless==5.0.0.93 openvino==2026.4.1
cat >"$folder/pooling.py" <<'PYTHON'
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
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 19)])
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


x = np.ones((1, 1, 8, 8), "float32")
model = graph(
    "AveragePool",
    x.shape,
    (1, 1, 5, 5),
    kernel_shape=[3, 3],
    strides=[2, 2],
    pads=[1, 1, 1, 1],
    ceil_mode=1,
    count_include_pad=1,
)
corner = {}
for engine in (onnxruntime_answer, openvino_answer, opencv_answer):
    y = engine(model, x)[0, 0]
    corner[engine.__name__] = float(y[-1, -1])
    assert abs(y[0, 0] - 4 / 9) < 1e-6
print(f"OpenVINO {openvino.__version__}, OpenCV {cv2.__version__}: {corner}")
assert abs(corner["onnxruntime_answer"] - 1 / 4) < 1e-6
assert abs(corner["openvino_answer"] - 1 / 9) < 1e-6
assert abs(corner["opencv_answer"] - 1 / 9) < 1e-6
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
