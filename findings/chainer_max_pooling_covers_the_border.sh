#!/usr/bin/env bash
# Chainer's max pooling covers the whole image, and its average pooling does not.
#
# Guess: windows of 2 with a stride of 2 make 2x2 of 5x5, as PyTorch's and Keras's "valid" do.
# Seen (Chainer 7.8.1): max_pooling_2d makes 3x3, as Caffe does, for cover_all is True; average_pooling_2d has no such
# argument, and makes 2x2. In a network of both kinds the maps differ by one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==1.23.5 "setuptools<60" wheel
"$folder/venv/bin/pip" install --quiet --no-build-isolation chainer==7.8.1
cat >"$folder/pooling.py" <<'PYTHON'
import chainer
import chainer.functions as F
import numpy as np

image = np.arange(25, dtype="float32").reshape(1, 1, 5, 5)
largest, mean = F.max_pooling_2d(image, 2, 2), F.average_pooling_2d(image, 2, 2)
print(f"Chainer {chainer.__version__}: largest {largest.shape}, means {mean.shape}")
assert largest.shape == (1, 1, 3, 3) and largest.array[0, 0, 2, 2] == 24
assert mean.shape == F.max_pooling_2d(image, 2, 2, cover_all=False).shape == (1, 1, 2, 2)
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
