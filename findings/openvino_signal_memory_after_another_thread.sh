#!/usr/bin/env bash
# A graph that another thread frees takes the memory for signal handlers away from the thread that
# compiled it.
#
# Guess: who frees the last compiled graph does not matter; the alternate signal stack of a thread is
# as it was before, or stays valid.
# Seen (OpenVINO 2026.4.1, Linux, x86-64): to compile for the CPU gives the thread an alternate signal
# stack (11,568 bytes). Freed by the same thread, it is given back. Freed by another one, the thread
# still has it, at an address that is no longer mapped. CPython asks for that stack in its handlers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 numpy==2.4.6
cat >"$folder/stack.py" <<'PYTHON'
import ctypes
import gc
import sys
import threading

import numpy
import openvino
import openvino.opset13 as opset


class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


def stack():
    """Where this thread's alternate signal stack is, and whether there is memory."""
    found = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    start = found.start or 0
    with open("/proc/self/maps") as lines:
        ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in lines]
    return start, any(low <= start < high for low, high in ranges)


def compiled():
    image = opset.parameter([1, 4], numpy.float32)
    return openvino.Core().compile_model(openvino.Model([opset.relu(image)], [image]), "CPU")


print(f"OpenVINO {openvino.__version__[:8]}")
graph = compiled()
del graph
gc.collect()
print("freed by the same thread: a stack at {:#x}".format(stack()[0]))
same = stack()[0] == 0

box = [compiled()]
given = stack()[0]
other = threading.Thread(target=lambda: (box.clear(), gc.collect()))
other.start()
other.join()
start, mapped = stack()
print(f"freed by another thread: {'a' if start else 'no'} stack, {'mapped' if mapped else 'not mapped'}")
sys.exit(not (same and given and start == given and not mapped))
PYTHON
"$folder/venv/bin/python" "$folder/stack.py"
