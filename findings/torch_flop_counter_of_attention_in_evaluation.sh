#!/usr/bin/env bash
# PyTorch's FlopCounterMode finds no operation in an attention layer that is evaluated without gradients.
#
# Guess: the count of nn.MultiheadAttention is the same in training and evaluation: 2 x 524 million for 197
# tokens of 768, as a multiplication and an addition are two.
# Seen (PyTorch 2.13.0 on a processor): in evaluation under no_grad the layer takes its fast path, and the count
# is 0; with gradients it is 930 million, the four projections without the two products of the attention.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
cat >"$folder/attention.py" <<'PYTHON'
import torch
from torch.utils.flop_counter import FlopCounterMode

layer = torch.nn.MultiheadAttention(768, 12, batch_first=True).eval()
tokens = torch.zeros(1, 197, 768)
projections = 2 * 4 * 197 * 768 * 768


def count():
    with FlopCounterMode(display=False) as counter:
        layer(tokens, tokens, tokens, need_weights=False)
    return counter.get_total_flops()


with torch.no_grad():
    fast = count()
slow = count()
print(f"PyTorch {torch.__version__}: without gradients {fast}, with {slow:,}; projections {projections:,}")
assert fast == 0
assert slow == projections
PYTHON
"$folder/venv/bin/python" "$folder/attention.py"
