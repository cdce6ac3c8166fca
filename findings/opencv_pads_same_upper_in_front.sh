#!/usr/bin/env bash
# OpenCV 5 pads SAME_UPPER in front: networks converted from TensorFlow read shifted images, without a word.
#
# Guess: `cv2.dnn` follows ONNX: with auto_pad="SAME_UPPER", TensorFlow's "SAME", a 3x3 convolution of stride 2 on
# 8 columns has its odd column of padding behind, and its windows are centred on 1, 3, 5, 7.
# Seen (OpenCV 5.0.0): they are centred on 0, 2, 4, 6, in Conv, MaxPool and AveragePool, as with SAME_LOWER. ONNX
# Runtime 1.32.0 has 1, 3, 5, 7. Explicit pads are kept.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
cat >"$folder/padding.py" <<'PYTHON'
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


x = np.tile(np.arange(8, dtype="float32"), (8, 1))[None, None]
centre = np.zeros((1, 1, 3, 3), "float32")
centre[0, 0, 1, 1] = 1
found = {}
for label, pads in (
    ("SAME_UPPER", {"auto_pad": "SAME_UPPER"}),
    ("SAME_LOWER", {"auto_pad": "SAME_LOWER"}),
    ("explicit", {"pads": [0, 0, 1, 1]}),
):
    model = graph("Conv", x.shape, (1, 1, 4, 4), [centre], strides=[2, 2], **pads)
    found[label] = [f(model, x)[0, 0, 1].tolist() for f in (opencv_answer, onnxruntime_answer)]
    print(f"OpenCV {cv2.__version__}, {label}: {found[label][0]}, ONNX Runtime {found[label][1]}")
upper, lower = [1.0, 3.0, 5.0, 7.0], [0.0, 2.0, 4.0, 6.0]
assert found["SAME_UPPER"] == [lower, upper]
assert found["SAME_LOWER"] == [lower, lower]
assert found["explicit"] == [upper, upper]
pool = {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}
model = graph("MaxPool", x.shape, (1, 1, 4, 4), **pool)
assert opencv_answer(model, x)[0, 0, 1].tolist() == [1.0, 3.0, 5.0, 7.0]
assert onnxruntime_answer(model, x)[0, 0, 1].tolist() == [2.0, 4.0, 6.0, 7.0]
PYTHON
"$folder/venv/bin/python" "$folder/padding.py"
