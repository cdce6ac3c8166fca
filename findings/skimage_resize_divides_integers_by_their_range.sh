#!/usr/bin/env bash
# scikit-image's resize divides integers by the largest one of their type.
#
# Guess: pixels from 0 to 255 resized as int64 or int32 (as they are read from a CSV file, or come out of a sum) are
# as resized bytes: from 0 to 1, or from 0 to 255.
# Seen (scikit-image 0.26.0): bytes come out from 0 to 1; int32 are divided by 2**31 - 1, int64 by 2**63 - 1, so that
# the largest pixel is 1e-7 or 3e-17, and the image black. preserve_range=True keeps 255 for all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-image==0.26.0 numpy==2.4.6
cat >"$folder/integers.py" <<'PYTHON'
import numpy as np
import skimage
from skimage.transform import resize

image = np.full((4, 4), 255)
for dtype, expected in {"uint8": 1.0, "int32": 255 / (2**31 - 1), "int64": 255 / (2**63 - 1)}.items():
    found = resize(image.astype(dtype), (8, 8)).max()
    kept = resize(image.astype(dtype), (8, 8), preserve_range=True).max()
    print(f"scikit-image {skimage.__version__}, {dtype}: {found:.3g}; preserve_range: {kept:.0f}")
    assert np.isclose(found, expected, rtol=1e-3) and np.isclose(kept, 255)
PYTHON
"$folder/venv/bin/python" "$folder/integers.py"
