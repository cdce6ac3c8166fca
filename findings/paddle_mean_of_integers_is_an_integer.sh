#!/usr/bin/env bash
# Paddle's mean of integers is cut to an integer, without a word.
#
# Guess: the share of right answers, the mean of zeros and ones, is 0.75 for three of four; or an error, as PyTorch's.
# Seen (PaddlePaddle 3.3.1): paddle.mean of int64 or int32 is 0, an integer. As float32 it is 0.75.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 numpy==2.4.6
cat >"$folder/mean.py" <<'PYTHON'
import paddle

right = paddle.to_tensor([1, 1, 0, 1])
for dtype in ("int64", "int32", "float32"):
    mean = right.astype(dtype).mean()
    print(f"PaddlePaddle {paddle.__version__}, {dtype}: {mean.item()} ({mean.dtype})")
    assert mean.item() == (0.75 if dtype == "float32" else 0)
PYTHON
"$folder/venv/bin/python" "$folder/mean.py"
