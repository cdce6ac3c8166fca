#!/usr/bin/env bash
# safetensors.numpy.save_file writes a transposed array with its numbers in another order.
#
# Guess: the file has the values of the array, or a transposed one is refused, as by safetensors.torch.
# Seen (safetensors 0.8.0, NumPy 2.4.6): the shape is that of the transposed array, the numbers are in the order
# of the array before. No error, when written or read. np.ascontiguousarray before it gives the right file. Who
# turns a kernel of PyTorch (out, in, rows, columns) for Keras (rows, columns, in, out) has such an array.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.4.6
cat >"$folder/transposed.py" <<'PYTHON'
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

kernel = np.arange(2 * 3 * 1 * 1, dtype="float32").reshape(2, 3, 1, 1)  # out, in, rows, columns
turned = kernel.transpose(2, 3, 1, 0)
path = sys.argv[1]
save_file({"as it is": turned, "copied": np.ascontiguousarray(turned)}, path)
found = load_file(path)
print("expected:", turned.ravel().tolist())
for name, array in found.items():
    print(f"{name}:", array.shape, array.ravel().tolist())
assert all(array.shape == turned.shape for array in found.values())
assert (found["copied"] == turned).all()
assert found["as it is"].ravel().tolist() == kernel.ravel().tolist() != turned.ravel().tolist()
PYTHON
"$folder/venv/bin/python" "$folder/transposed.py" "$folder/kernel.safetensors"
