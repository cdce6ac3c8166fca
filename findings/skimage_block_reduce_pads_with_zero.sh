#!/usr/bin/env bash
# scikit-image's block_reduce and downscale_local_mean fill blocks at the border with zeros.
#
# Guess: the last block of an odd image has fewer cells, and its mean or maximum is that of these.
# Seen (scikit-image 0.26.0): halving ones of 5x5 gives 0.5 at two borders and 0.25 in their corner; the maxima of
# an image of -1 are 0 there. block_reduce takes another value by `cval`, downscale_local_mean by `cval`, too, but no
# value makes it the mean of the cells that there are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-image==0.26.0 numpy==2.4.6
cat >"$folder/blocks.py" <<'PYTHON'
import numpy as np
import skimage
from skimage.measure import block_reduce
from skimage.transform import downscale_local_mean

ones = np.ones((5, 5))
means, maxima = downscale_local_mean(ones, (2, 2)), block_reduce(-ones, (2, 2), np.max)
print(f"scikit-image {skimage.__version__}, means:", means.tolist(), "maxima:", maxima.tolist())
assert means[0].tolist() == [1, 1, 0.5] and means[2, 2] == 0.25
assert maxima[0].tolist() == [-1, -1, 0] and maxima[2, 2] == 0
PYTHON
"$folder/venv/bin/python" "$folder/blocks.py"
