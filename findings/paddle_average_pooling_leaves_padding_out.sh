#!/usr/bin/env bash
# Paddle's average pooling divides by the cells inside of the image, where PyTorch divides by all.
#
# Guess: avg_pool2d of ones, 3x3, stride 2, padding 1, has 4/9 in the corner, as PyTorch's: its names and arguments
# are PyTorch's.
# Seen (PaddlePaddle 3.3.1): 1 everywhere, for `exclusive` is True by default; with exclusive=False it is 4/9. The
# argument count_include_pad does not exist.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 numpy==2.4.6
cat >"$folder/pooling.py" <<'PYTHON'
import paddle
import paddle.nn.functional as F

ones, found = paddle.ones((1, 1, 4, 4)), {}
for exclusive in (None, True, False):
    more = {} if exclusive is None else {"exclusive": exclusive}
    found[exclusive] = F.avg_pool2d(ones, 3, stride=2, padding=1, **more).numpy()[0, 0]
    print(f"PaddlePaddle {paddle.__version__}, exclusive={exclusive}: {found[exclusive].tolist()}")
assert (found[None] == 1).all() and (found[True] == 1).all()
assert abs(found[False][0, 0] - 4 / 9) < 1e-6
assert abs(paddle.nn.AvgPool2D(3, 2, 1)(ones).numpy().min() - 1) < 1e-6
PYTHON
"$folder/venv/bin/python" "$folder/pooling.py"
