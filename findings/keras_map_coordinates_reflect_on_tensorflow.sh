#!/usr/bin/env bash
# On TensorFlow, keras.ops.image.map_coordinates(fill_mode="reflect") reflects otherwise on the left.
#
# Guess: as its docstring says, "reflect" repeats the edge (d c b a | a b c d | d c b a), as in SciPy and
# on the other backends.
# Seen (Keras 3.15.1, TensorFlow 2.21.0): on the left the edge is not repeated, on the right it is
# (d c b | a b c d | d c b a). On JAX 0.10.2 it is repeated on both sides.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 tensorflow-cpu==2.21.0 scipy==1.17.1
cat >"$folder/map.py" <<'PYTHON'
import keras
import numpy as np
from scipy import ndimage

line, places = np.arange(4, dtype="float32"), np.array([[-3, -2, -1, 0, 3, 4, 5, 6]], "float32")
found = keras.ops.image.map_coordinates(line, places, order=1, fill_mode="reflect")
found = keras.ops.convert_to_numpy(found).tolist()
scipys = {mode: ndimage.map_coordinates(line, places, order=1, mode=mode).tolist()
          for mode in ("reflect", "mirror")}
print(keras.backend.backend(), "reflect:", found, "SciPy:", scipys)
assert scipys["reflect"] == [2, 1, 0, 0, 3, 3, 2, 1] != scipys["mirror"]
if keras.backend.backend() == "tensorflow":
    assert found == scipys["mirror"][:4] + scipys["reflect"][4:]
else:
    assert found == scipys["reflect"]
PYTHON
for backend in tensorflow jax; do
  KERAS_BACKEND="$backend" TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/map.py"
done
