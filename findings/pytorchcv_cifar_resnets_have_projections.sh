#!/usr/bin/env bash
# pytorchcv's ResNets for CIFAR-10 project their shortcuts, where the paper has identities.
#
# Guess: "resnet20_cifar10" has 269,722 trainable parameters: "we use identity shortcuts in all cases (i.e., option
# A)" (He et al., section 4.2), so that the plain twin has as many.
# Seen (pytorchcv 0.0.74, PyTorch 2.14.1): 272,474. The two shortcuts that widen are 1x1 convolutions of stride 2
# with a batch normalization: option B, 2,752 more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytorchcv==0.0.74 torch==2.14.1 numpy==2.4.6
cat >"$folder/resnet.py" <<'PYTHON'
import importlib.metadata

from pytorchcv.model_provider import get_model

network = get_model("resnet20_cifar10", pretrained=False)
count = sum(weight.numel() for weight in network.parameters())
shortcuts = {
    name: tuple(weight.shape) for name, weight in network.named_parameters() if "identity" in name
}
print(f"pytorchcv {importlib.metadata.version('pytorchcv')}: {count:,} parameters", shortcuts, sep="\n")
assert count == 269_722 + 16 * 32 + 32 * 64 + 2 * (32 + 64)
assert len(shortcuts) == 6
PYTHON
"$folder/venv/bin/python" "$folder/resnet.py"
