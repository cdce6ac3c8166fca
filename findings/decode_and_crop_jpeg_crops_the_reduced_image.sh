#!/usr/bin/env bash
# TensorFlow 2.21.0: with `ratio=2`, the crop window of `tf.io.decode_and_crop_jpeg` is one of the
# image that is half as large, not of the image that was stored. The documentation says of
# `crop_window` only that it is the crop window, and of `ratio` only that it is a downscaling ratio.
#
# Guess: as a window is chosen by the size that `tf.io.extract_jpeg_shape` reads, it is one of the
# stored image, and the result is the window's content at half the size. So the lower right
# quarter of an image of 64x96 would be [32, 48, 32, 48], and give 16x24 pixels.
#
# Seen: `Invalid JPEG data or crop window` for it; [16, 24, 16, 24] gives that quarter. A window in
# the upper left corner does not fail: it shows four times the area that was meant.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-cpu==2.21.0 || "$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import numpy as np
import tensorflow as tf

assert tf.__version__.startswith("2.21."), tf.__version__
image = np.zeros((64, 96, 3), "uint8")
image[32:, 48:] = 255  # the lower right quarter is white
content = tf.io.encode_jpeg(image, quality=95)
assert tf.io.extract_jpeg_shape(content).numpy().tolist() == [64, 96, 3]


def cropped(*window):
    return tf.io.decode_and_crop_jpeg(content, window, channels=3, ratio=2).numpy()


try:
    cropped(32, 48, 32, 48)
except tf.errors.InvalidArgumentError as error:
    print("a window of the stored image:", error.message.split("}} ")[-1].split(" [Op")[0])
else:
    raise SystemExit("changed: a window of the stored image is taken")
quarter = cropped(16, 24, 16, 24)
print("a window of the reduced image:", quarter.shape, "mean", round(float(quarter.mean())))
assert quarter.shape == (16, 24, 3) and quarter.mean() > 250
corner = cropped(0, 0, 32, 48)
print("[0, 0, 32, 48]:", corner.shape, "mean", round(float(corner.mean())))
assert corner.shape == (32, 48, 3) and 50 < corner.mean() < 80  # all of the image
PYTHON
