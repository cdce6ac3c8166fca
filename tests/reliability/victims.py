"""Trainings in forked processes, to be killed, interrupted, and started at once.

The process that forks imports everything and computes nothing, so that a start costs little.
"""

import functools
import hashlib
import json
import math
import os
import pathlib
import signal
import sys
import threading
import time
import traceback

import h5py
import keras
import numpy as np
from PIL import Image

from keras_classics import datasets, training
from keras_classics.training import checkpoint, files, imaging, trainer
from tests.training import tiny

keras.utils.set_random_seed(0)  # which imports TensorFlow on each backend
assert h5py.__version__  # which Keras imports to save a network

# Of each phase the functions at whose calls, or shortly after, a process is killed.
PHASES = {
    "start": [(training.Run, "open")],
    "images looked through": [(imaging, "mean_of")],
    "network built": [(trainer, "prepare"), (training.Run, "check_room")],
    "a step": [(checkpoint.Checkpoints, "on_train_batch_end")],
    "a checkpoint": [(checkpoint, "write")],
    "the end of an epoch": [(checkpoint.Checkpoints, "on_epoch_end")],
    "the network saved": [(training.Run, "finish")],
    "the test": [(training.Run, "_results")],
    "a manifest": [(files, "write_manifest")],
    "checkpoints removed": [(files, "tidy")],
}
KINDS = ("arrays", "image files")


def photographs(folder):
    """A folder of images of noise in two classes, made once."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for k in range(10):
            Image.fromarray(random.integers(0, 256, (10, 12, 3), "uint8")).save(
                folder / name / f"{k}.png"
            )
    return folder


def made(kind, folder):
    """A recipe of two epochs, the data, and the builder."""
    if kind == "image files":
        return tiny.Tiny(), datasets.load(str(folder / "photographs")), tiny.network
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 8, 8, 3), "uint8")
    pair = images, np.arange(len(images)) % 2
    return tiny.InMemory(), datasets.wrap(pair, pair, held="test"), tiny.network


def arm(phase, call, delay, number=signal.SIGKILL):
    """Sends a signal to this process some time after a call of one of the phase's functions."""
    left = [call]

    def wrapped(function):
        @functools.wraps(function)
        def counting(*arguments, **named):
            left[0] -= 1
            if left[0] == 0 and delay == 0:
                os.kill(os.getpid(), number)
            elif left[0] == 0:
                threading.Timer(delay, os.kill, (os.getpid(), number)).start()
            return function(*arguments, **named)

        return counting

    for owner, name in PHASES[phase]:
        value = vars(owner)[name]
        if isinstance(value, classmethod):
            setattr(owner, name, classmethod(wrapped(value.__func__)))
        else:
            setattr(owner, name, wrapped(value))


def child(kind, folder, name, resume, armed=(), moment=0.0):
    """Forks a process that trains into `folder / name`. Its result, or its error, is a file.

    Returns:
        The number of the process.
    """
    number = os.fork()
    if number:
        return number
    said = folder / f"{name}-{os.getpid()}.json"
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, sys.stderr.fileno())
        os.dup2(quiet, sys.stdout.fileno())
        signal.signal(signal.SIGINT, signal.default_int_handler)
        checkpoint.SECONDS, checkpoint.SHARE = 0, math.inf  # a checkpoint of each step
        if armed:
            arm(*armed)
        recipe, data, builder = made(kind, folder)
        time.sleep(max(0.0, moment - time.time()))
        done = training.train(
            recipe, data, folder / name, builder=builder, resume=resume, best=True, verbose=0
        )
        digest = hashlib.sha256()
        for value in done.model.get_weights():
            digest.update(np.ascontiguousarray(value))
        result = [digest.hexdigest(), done.history, done.manifest["errors"]]
        said.write_text(json.dumps(["result", result]))
    except BaseException as error:
        said.write_text(json.dumps([type(error).__name__, str(error), traceback.format_exc()]))
    os._exit(0)


def ended(number, folder, name):
    """Waits for a child: `"killed"`, or what it said."""
    _, status = os.waitpid(number, 0)
    path = folder / f"{name}-{number}.json"
    if not path.exists():
        return ["killed", os.waitstatus_to_exitcode(status)]
    said = json.loads(path.read_text())
    path.unlink()
    return said


def left_over(folder):
    """The names of files that a finished run should not have."""
    known = {"manifest.json", "history.csv", "model.keras", "best.keras", "mean.npy"}
    return (
        {p.name for p in pathlib.Path(folder).iterdir()}
        - known
        - {path.name for path in pathlib.Path(folder).glob("confusion-*.csv")}
    )
