#!/usr/bin/env bash
# The names in the state_dict of a ViT of transformers 5 are not those of the file that it saves.
#
# Guess: save_pretrained writes model.state_dict() as it is, as it did until version 4, so that a
# table from one to the other serves both.
# Seen (transformers 5.24.0, PyTorch 2.13.0): the layers of a block have other names in the module;
# the file keeps the old ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.24.0 torch==2.13.0 safetensors==0.8.0
cat >"$folder/names.py" <<'PYTHON'
import sys

import torch
import transformers
from safetensors import safe_open

config = transformers.ViTConfig(
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    image_size=8,
    patch_size=4,
    num_labels=3,
)
model = transformers.ViTForImageClassification(config)
model.save_pretrained(sys.argv[1])
with safe_open(f"{sys.argv[1]}/model.safetensors", "pt") as file:
    saved = set(file.keys())
module = set(model.state_dict())
print(f"transformers {transformers.__version__}, PyTorch {torch.__version__}: of {len(saved)} names "
      f"{len(saved & module)} are the same")
print("module:", *sorted(module - saved)[:3])
print("file:  ", *sorted(saved - module)[:3])
sys.exit(len(saved) != len(module) or len(saved - module) < 8)
PYTHON
HF_HOME="$folder" "$folder/venv/bin/python" "$folder/names.py" "$folder/saved" 2>"$folder/log" ||
  { cat "$folder/log"; exit 1; }
