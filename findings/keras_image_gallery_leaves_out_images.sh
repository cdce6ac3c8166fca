#!/usr/bin/env bash
# Keras's plot_image_gallery leaves out images of which there is no square number.
#
# Guess: it chooses as many rows and columns as all images need: for 5 images 3 rows of 2.
# Seen (Keras 3.15.1, matplotlib 3.11.2): the columns are the number of images over the rows, rounded down: of 5
# images 3 are drawn, of 7 six, of 8 six, of 10 eight. Nothing is said of the others. With `cols=5` the rows are still
# 3, and an error says that the index 5 is out of bounds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 matplotlib==3.11.2
cat >"$folder/gallery.py" <<'PYTHON'
import keras
import matplotlib
import numpy as np

matplotlib.use("agg")
from matplotlib import pyplot as plt

drawn = {}
for count in (4, 5, 7, 8, 10):
    images = np.full((count, 4, 4, 3), 100.0, "float32")
    keras.visualization.plot_image_gallery(images, show=False)
    drawn[count] = sum(bool(axes.images) for axes in plt.gcf().axes)
    plt.close("all")
print("drawn of so many:", drawn)
assert drawn == {4: 4, 5: 3, 7: 6, 8: 6, 10: 8}
try:
    keras.visualization.plot_image_gallery(np.full((5, 4, 4, 3), 100.0), cols=5, show=False)
except IndexError as error:
    print("IndexError:", error)
else:
    raise AssertionError("drawn")
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/gallery.py"
