#!/usr/bin/env bash
# TensorFlow's sample_distorted_bounding_box draws the height of a crop evenly, not its area.
#
# Guess: with `area_range=(0.08, 1.0)` the area is distributed evenly between 8 % and 100 %, as GoogLeNet's paper
# has it (Szegedy et al., 2015, section 6), and torchvision's RandomResizedCrop does it: 0.54 in the mean.
# Seen (TensorFlow 2.21.0): squares of a square image have 0.46 of its area in the mean, about that of an evenly
# drawn side, and 62 of 100 are smaller than 0.54.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat >"$folder/boxes.py" <<'PYTHON'
import numpy as np
import tensorflow as tf

tf.random.set_seed(0)


@tf.function
def draw(count):
    def one(_):
        _, size, _ = tf.image.sample_distorted_bounding_box(
            (1000, 1000, 3), tf.zeros((1, 0, 4)), min_object_covered=0.0, area_range=(0.08, 1.0),
            aspect_ratio_range=(1.0, 1.0), use_image_if_no_bounding_boxes=True,
        )
        return size[:2]

    return tf.map_fn(one, tf.range(count))


areas = draw(4000).numpy().prod(axis=1) / 1e6
low = np.sqrt(0.08)
evenly = {"area": (1 + low**2) / 2, "side": (1 + low + low**2) / 3}
print(f"mean area {areas.mean():.3f}; expected of an even {evenly}")
print(f"smaller than 0.54: {np.mean(areas < 0.54):.3f}")
assert abs(areas.mean() - evenly["side"]) < 0.015 and np.mean(areas < 0.54) > 0.6
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/boxes.py"
