#!/usr/bin/env bash
# TensorFlow Datasets' ImageFolder gives images in a shuffled order without shuffling, the same one each time.
#
# Guess: without shuffle_files the images come as the files are sorted, so that predictions can be laid beside a
# listing of the folder.
# Seen (TensorFlow Datasets 4.9.10, TensorFlow 2.21.0): the files of a split are shuffled by a generator whose seed
# is the split's name. The same files under "train" and under "test" come in two orders, neither of them sorted.
# "image/filename" of each example says which file it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-datasets==4.9.10 tensorflow==2.21.0 pillow==13.0.0
cat >"$folder/folder.py" <<'PYTHON'
import os

import tensorflow_datasets as tfds
from PIL import Image

folder = os.path.join(os.path.dirname(__file__), "images")
for split in ("train", "test"):
    for name in ("cat", "dog"):
        os.makedirs(os.path.join(folder, split, name))
        for index in range(10):
            Image.new("RGB", (8, 8)).save(os.path.join(folder, split, name, f"{index}.png"))
orders = {}
for split in ("train", "test"):
    data = tfds.ImageFolder(folder).as_dataset(split=split, shuffle_files=False)
    again = tfds.ImageFolder(folder).as_dataset(split=split, shuffle_files=False)
    names, twice = (["/".join(x["image/filename"].numpy().decode().split("/")[-2:]) for x in d] for d in (data, again))
    print(split, names[:6])
    assert names == twice and names != sorted(names)
    orders[split] = names
assert orders["train"] != orders["test"] and sorted(orders["train"]) == sorted(orders["test"])
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/folder.py"
