#!/usr/bin/env bash
# Pillow turns a TIFF as its orientation tag says, and no other format.
#
# Guess: `Image.open(path).load()` gives the pixels as they are stored, whatever the format;
# `ImageOps.exif_transpose` turns them.
# Seen (Pillow 13.0.0): a picture of 3 columns and 2 rows, stored with orientation 6, is loaded as 3x2
# of JPEG, PNG and WebP, with the tag; of TIFF as 2x3, and the tag is gone. So a photograph and its
# copy as TIFF differ by a quarter turn in a program that ignores EXIF.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0
cat >"$folder/turn.py" <<'PYTHON'
import pathlib
import sys

import PIL
from PIL import Image

ORIENTATION = 0x0112
folder, found = pathlib.Path(sys.argv[1]), {}
for suffix in ("jpg", "png", "webp", "tiff"):
    image = Image.new("RGB", (3, 2))
    exif = image.getexif()
    exif[ORIENTATION] = 6
    path = folder / f"picture.{suffix}"
    image.save(path, exif=exif)
    with Image.open(path) as read:
        read.load()
        found[suffix] = (read.size, read.getexif().get(ORIENTATION))
print(f"Pillow {PIL.__version__}: {found}")
stored = {suffix: ((3, 2), 6) for suffix in ("jpg", "png", "webp")}
sys.exit(found != stored | {"tiff": ((2, 3), None)})
PYTHON
"$folder/venv/bin/python" "$folder/turn.py" "$folder"
