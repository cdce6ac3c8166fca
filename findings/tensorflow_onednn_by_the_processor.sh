#!/usr/bin/env bash
# TensorFlow leaves oneDNN's kernels aside on x86 processors that have AVX2, but not VNNI.
#
# Guess: the wheel for Linux on x86 has had oneDNN on since 2.9, and takes it wherever it runs.
# Seen (TensorFlow 2.21.0, an AMD EPYC with AVX2): it is off, without a word, unless
# TF_ENABLE_ONEDNN_OPTS is 1. On processors whose flags have VNNI, AVX512-BF16 or AMX it is on. So one
# program has other kernels on another machine, with other roundings; and on this one a training step
# of a convolutional network of 20 layers, batches of 128 images of 32x32, took twice as long.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat >"$folder/onednn.py" <<'PYTHON'
import os
import pathlib
import re
import subprocess
import sys

ASK = "from tensorflow.python.framework import test_util as t; print(t.IsMklEnabled())"


def is_on(**variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, env=environment | variables, capture_output=True, text=True)
    return done.stdout.strip() == "True"


flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)[1].split()
named = sorted({"avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile"} & set(flags))
usual, asked, refused = is_on(), is_on(TF_ENABLE_ONEDNN_OPTS="1"), is_on(TF_ENABLE_ONEDNN_OPTS="0")
print("avx2" in flags, named or "without VNNI", f"usual {usual}, 1: {asked}, 0: {refused}")
assert (usual, asked, refused) == (bool(named), True, False)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/onednn.py"
