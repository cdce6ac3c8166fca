"""Each file of a run folder, damaged in each way: the file is named, or the run is as it was."""

import contextlib
import pathlib
import shutil
import tempfile

import numpy as np

from keras_classics import datasets, training
from tests.training import tiny

TITLE = "Damaged run folders: the file is named, or the run comes out as it was"
HEAD = ("what", "tried", "good", "remarks")
FILES = {
    "finished": ("manifest.json", "mean.npy", "history.csv", "model.keras", "confusion-test.csv"),
    "unfinished": ("manifest.json", "mean.npy", "history.csv", "checkpoint-1.npz", "lock-1.json"),
}
WAYS = {
    "removed": None,
    "empty": lambda content: b"",
    "cut in the middle": lambda content: content[: len(content) // 2],
    "cut by a byte": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "a byte of 255 in the middle": lambda content: (
        content[: len(content) // 2] + b"\xff" + content[len(content) // 2 + 1 :]
    ),
    "something else": lambda content: b"[1, 2, 3]\n",
}


def data():
    """Images of noise in two classes."""
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), "uint8")
    pair = images, np.arange(16) % 2
    return datasets.wrap(pair, pair, held="test")


def result(run):
    """All that a run folder gives: network, mean, history, confusions."""
    weights = [value.tolist() for value in run.model.get_weights()]
    return weights, run.mean.tolist(), run.history, run.confusion("test").tolist()


def outcome(folder, name, expected):
    """What happens to the run of a damaged folder: nothing if all is well."""
    for step in ("opened", "resumed"):
        try:
            if step == "resumed":
                training.train(
                    tiny.Tiny(), data(), folder, builder=tiny.network, resume=True, verbose=0
                )
            elif not (folder / "model.keras").exists() and name != "model.keras":
                continue  # it is unfinished
            if result(training.Run(folder)) != expected:
                return f"{step}: another result"
        except (OSError, RuntimeError, ValueError) as error:
            if name not in str(error):
                return f"{step}: {error}"
    return ""


def kept(folder):
    """A finished and an unfinished run, and what the finished one gives."""
    options = {"builder": tiny.network, "verbose": 0}
    run = training.train(tiny.Tiny(), data(), folder / "finished", **options)
    callbacks = [tiny.BreakAt(1)]
    with contextlib.suppress(tiny.Break):
        training.train(tiny.Tiny(), data(), folder / "unfinished", callbacks=callbacks, **options)
    return result(run)


def rows(folder, expected, files=FILES, ways=WAYS):
    """A row for each file of each folder."""
    for state, names in files.items():
        for name in names:
            tried, good, remarks = 0, 0, ""
            for way, change in ways.items():
                copy = shutil.copytree(folder / state, folder / "copy")
                path = copy / name
                if name.startswith("lock"):
                    path.write_bytes(b'{"host": "here", "process": 1, "since": "now"}')
                if change is None:
                    path.unlink()
                else:
                    path.write_bytes(change(path.read_bytes()))
                wrong = outcome(copy, name, expected)
                tried, good = tried + 1, good + (not wrong)
                remarks = f"{way}: {wrong}"[:200] if wrong else remarks
                shutil.rmtree(copy)
            yield f"{name}, {state}", tried, good, remarks


def run(seconds):
    """Rows by file."""
    folder = pathlib.Path(tempfile.mkdtemp())
    found = list(rows(folder, kept(folder)))
    shutil.rmtree(folder)
    return found
