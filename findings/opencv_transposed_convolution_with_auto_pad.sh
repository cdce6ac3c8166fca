#!/usr/bin/env bash
# OpenCV 5's transposed convolution with SAME_UPPER gives 9x9 where the graph says 10x10.
#
# Guess: of 5x5, a stride of 2 with auto_pad="SAME_UPPER" makes 10x10, input times stride.
# Seen (OpenCV 5.0.0): `cv2.dnn` gives 9x9, though the output is declared as 10x10. ONNX Runtime 1.32.0 gives
# 10x10. The upsampling of a segmentation network or a generator then no longer fits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
cat >"$folder/transposed.py" <<'PYTHON'
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


x = np.ones((1, 1, 5, 5), "float32")
kernel = [np.ones((1, 1, 3, 3), "float32")]
model = graph("ConvTranspose", x.shape, (1, 1, 10, 10), kernel, strides=[2, 2], auto_pad="SAME_UPPER")
shapes = opencv_answer(model, x).shape, onnxruntime_answer(model, x).shape
print(f"OpenCV {cv2.__version__}: {shapes[0]}, ONNX Runtime {shapes[1]}")
assert shapes == ((1, 1, 9, 9), (1, 1, 10, 10))
PYTHON
"$folder/venv/bin/python" "$folder/transposed.py"
