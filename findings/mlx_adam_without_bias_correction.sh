#!/usr/bin/env bash
# MLX's Adam does not correct the bias of its moments unless told: its first step is three times the rate.
#
# Guess: the first step of Adam(learning_rate=0.1) is 0.1 long, whatever the gradient, as the paper has it.
# Seen (MLX 0.32.4): it is 0.316 long, (1 - 0.9) / sqrt(1 - 0.999) of the rate; AdamW, too. With
# bias_correction=True it is 0.1. Adamax has no such argument, and begins with a tenth of its rate.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlx[cpu]==0.32.4" numpy==2.4.6
cat >"$folder/adam.py" <<'PYTHON'
import mlx.core as mx
import mlx.optimizers as optimizers

first = {}
for name, optimizer in {
    "Adam": optimizers.Adam(0.1),
    "Adam, corrected": optimizers.Adam(0.1, bias_correction=True),
    "AdamW": optimizers.AdamW(0.1, weight_decay=0.0),
    "Adamax": optimizers.Adamax(0.1),
}.items():
    weight = optimizer.apply_gradients({"w": mx.array([3.0])}, {"w": mx.array([1.0])})["w"]
    first[name] = 1 - weight.item()
    print(f"MLX {mx.__version__}, {name}: the first step is {first[name]:.4f}")
assert abs(first["Adam"] - 0.1 * 0.1 / 0.001**0.5) < 1e-4
assert abs(first["AdamW"] - first["Adam"]) < 1e-5
assert abs(first["Adam, corrected"] - 0.1) < 1e-4
assert abs(first["Adamax"] - 0.01) < 1e-4
PYTHON
"$folder/venv/bin/python" "$folder/adam.py"
