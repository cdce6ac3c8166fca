#!/usr/bin/env bash
# tf2onnx exports the floor division of integers as a division that is cut off.
#
# Guess: -1 // 2 is -1 in the export, too.
# Seen (tf2onnx 1.17.0, TensorFlow 2.21.0, ONNX Runtime 1.32.0): it is 0, and -7 // 2 is -3 in place of -4. Negative
# offsets, such as half of what a smaller image lacks, are one off. The floor division of floats is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0
cat >"$folder/floor.py" <<'PYTHON'
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


x = np.array([-7, -1, 1, 7], "float32")
integers = both(lambda v: tf.cast(tf.cast(v, tf.int32) // 2, tf.float32), x)
floats = both(lambda v: v // 2.0, x)
for name, (here, exported) in (("integers", integers), ("floats", floats)):
    print(name, "TensorFlow", here, "ONNX Runtime", exported)
    assert np.array_equal(here, [-4, -1, 0, 3])
assert np.array_equal(integers[1], [-3, 0, 0, 3]) and np.array_equal(floats[1], [-4, -1, 0, 3])
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/floor.py"
