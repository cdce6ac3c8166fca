#!/usr/bin/env bash
# A network that ONNX Runtime has quantized dynamically reads an image otherwise in another batch.
#
# Guess: the scale of the activations is found for each image, and the answer for it does not depend on others.
# Seen (ONNX Runtime 1.32.0, onnx 1.23.2): one scale is found for the whole batch. Beside an image that is two hundred
# times brighter, the scores of a dark one differ by more than a fifth of their range from those that it has alone.
# The network before quantization, and after static quantization, gives the same in any batch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat >"$folder/quantized.py" <<'PYTHON'
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static

os.chdir(os.path.dirname(__file__))
rng = np.random.default_rng(0)
arrays = {"kernel": rng.normal(size=(8, 3, 3, 3)), "dense": rng.normal(size=(8, 10))}
nodes = [
    helper.make_node("Conv", ["images", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["maps"], ["active"]),
    helper.make_node("GlobalAveragePool", ["active"], ["means"]),
    helper.make_node("Flatten", ["means"], ["flat"]),
    helper.make_node("MatMul", ["flat", "dense"], ["scores"]),
]
tensors = [numpy_helper.from_array(value.astype("float32"), name) for name, value in arrays.items()]
images, scores = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, shape in (("images", ["n", 3, 16, 16]), ("scores", ["n", 10]))
)
graph = helper.make_graph(nodes, "network", [images], [scores], tensors)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "plain.onnx")
dark = rng.uniform(0, 1, (1, 3, 16, 16)).astype("float32")
both = np.concatenate([dark, 200 * rng.uniform(0, 1, dark.shape).astype("float32")])


class Batches(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"images": dark}])

    def get_next(self):
        return next(self.left, None)


quantize_dynamic("plain.onnx", "dynamic.onnx")
quantize_static("plain.onnx", "static.onnx", Batches())
apart = {}
for name in ("plain", "static", "dynamic"):
    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    alone, beside = (session.run(None, {"images": batch})[0][0] for batch in (dark, both))
    apart[name] = float(np.abs(alone - beside).max() / np.ptp(alone)) if np.ptp(alone) else 0.0
    print(name, "differs by", apart[name], "of the range of the scores")
assert apart["plain"] < 1e-5 and apart["static"] == 0 and apart["dynamic"] > 0.2
PYTHON
"$folder/venv/bin/python" "$folder/quantized.py"
