#!/usr/bin/env bash
# Paddle's GoogLeNet has no rectifiers after its stem's and its reducing convolutions.
#
# Guess: each convolution is rectified, "including those inside the Inception modules" (Szegedy et al., section 5).
# Seen (PaddlePaddle 3.3.1): what an Inception module concatenates is rectified, and nothing else but one dense
# layer of the first auxiliary classifier: the three convolutions of the stem, the 1x1 ones before 3x3 and 5x5,
# and the auxiliary classifiers' are linear. All three outputs are returned in evaluation, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 numpy==2.4.6
cat >"$folder/googlenet.py" <<'PYTHON'
import numpy as np
import paddle

network = paddle.vision.models.googlenet()
network.eval()
x = paddle.to_tensor(np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype("f"))
for name, layer, value in [
    ("the first convolution", network._conv, x),
    ("the 1x1 before 3x3 of 3a", network._ince3a._conv3r, paddle.rand((1, 192, 8, 8)) - 0.5),
    ("the second classifier's 1x1", network._conv_o2, paddle.rand((1, 528, 4, 4)) - 0.5),
]:
    departure = float((layer(value) + layer(-value)).abs().max())
    print(f"PaddlePaddle {paddle.__version__}, {name}: f(x) + f(-x) is {departure:.1e} at most")
    assert departure < 1e-5 and float(layer(value).min()) < 0
whole = network._ince3a(paddle.rand((1, 192, 8, 8)) - 0.5)
assert float(whole.min()) == 0
outputs = network(paddle.zeros((1, 3, 224, 224)))
print("outputs in evaluation:", [list(output.shape) for output in outputs])
assert len(outputs) == 3
PYTHON
"$folder/venv/bin/python" "$folder/googlenet.py"
