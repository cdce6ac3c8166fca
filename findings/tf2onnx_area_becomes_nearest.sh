#!/usr/bin/env bash
# tf2onnx exports TensorFlow's resizing by area as that by the nearest pixel, without a word.
#
# Guess: it is refused, as other methods that ONNX does not have, or becomes a mean.
# Seen (tf2onnx 1.17.0, TensorFlow 2.21.0, ONNX Runtime 1.32.0): halved by area, pixels 0, 10, 20, 30 are 5 and 25
# in TensorFlow, and 0 and 20 in the export. Resizing by "bilinear" comes out right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0
cat >"$folder/area.py" <<'PYTHON'
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx


def both(function, x):
    """What TensorFlow computes, and what the exported function does."""
    signature = [tf.TensorSpec(x.shape, tf.float32)]
    graph = tf.function(function, input_signature=signature)
    exported, _ = tf2onnx.convert.from_function(graph, signature, opset=18)
    session = onnxruntime.InferenceSession(exported.SerializeToString())
    (there,) = session.run(None, {session.get_inputs()[0].name: x})
    return graph(x).numpy(), there


x = np.array([0, 10, 20, 30], "float32").reshape(1, 1, 4, 1).repeat(4, axis=1)
for method, here, exported in (("bilinear", [5, 25], [5, 25]), ("area", [5, 25], [0, 20])):
    a, b = both(lambda images, method=method: tf.image.resize(images, (2, 2), method), x)
    print(method, "TensorFlow", a[0, 0, :, 0], "ONNX Runtime", b[0, 0, :, 0])
    assert np.allclose(a[0, 0, :, 0], here) and np.allclose(b[0, 0, :, 0], exported)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/area.py"
