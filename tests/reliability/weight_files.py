"""Random damage to small files of weights, of each format.

A file is flipped, cut, lengthened, shifted or zeroed at random places. Then `weights.load`
must end soon: with an error that names the file and leaves the model as it was, or with a model in
which each weight was loaded. Each format is read in a process of its own, so that a crash is seen.
"""

import concurrent.futures
import concurrent.futures.process
import multiprocessing
import pathlib
import tempfile
import time
import warnings
import zlib

import numpy as np

HEAD = ("format", "tried", "good", "refused", "loaded", "other numbers", "unclear", "half", "slow")
COUNTS = HEAD[3:]
LONG = 2.0  # seconds, after which a file of a few kilobytes is said to hang


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to three changes."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 17))
        kind = rng.integers(6)
        if kind == 0:  # a bit
            at = min(at, len(data) - 1)
            data[at : at + 1] = bytes([data[at] ^ (1 << int(rng.integers(8)))]) if data else b""
        elif kind == 1:  # bytes
            data[at : at + length] = rng.bytes(length)
        elif kind == 2:  # the end is missing
            del data[at:]
        elif kind == 3:  # a part is missing
            del data[at : at + length]
        elif kind == 4:  # a part is new
            data[at:at] = rng.bytes(length)
        else:  # zeros, as of a block that was never written
            data[at : at + 64] = bytes(len(data[at : at + 64]))
    return bytes(data)


def of_format(form: str, changes: int, seed: int = 0) -> tuple:
    """Damages the file of a format so many times; see `run`."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras_classics import weights
    from tests.weights.test_files import OURS, THEIRS, WRITERS, network

    rng = np.random.default_rng([seed, zlib.crc32(form.encode())])
    counts = dict.fromkeys(COUNTS, 0)
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = pathlib.Path(temporary) / form
        WRITERS[form](path, THEIRS)
        content, model = path.read_bytes(), network()
        before = [np.full_like(value, 7.25) for value in OURS]  # zeros may be in a damaged file
        for _ in range(changes):
            path.write_bytes(damaged(content, rng))
            model.set_weights(before)
            start = time.perf_counter()
            try:
                weights.load(model, path)
                error = None
            except Exception as caught:  # whatever a reader may raise
                error = caught
            counts["slow"] += time.perf_counter() - start > LONG
            found = model.get_weights()
            was_set = [bool((a != b).any()) for a, b in zip(found, before, strict=True)]
            if error is None:
                counts["loaded"] += all(was_set)
                pairs = zip(found, OURS, strict=True)
                counts["other numbers"] += any((a != b).any() for a, b in pairs)
            else:
                is_clear = isinstance(error, ValueError) and str(path) in str(error)
                counts["refused" if is_clear else "unclear"] += 1
            counts["half"] += any(was_set) != (error is None) or any(was_set) != all(was_set)
    return form, changes, *counts.values()


def run(changes: int = 10_000, seed: int = 0, processes: int = 2) -> list[tuple]:
    """Damages small files of all formats.

    Args:
        changes: How many files, of all formats together.
        seed: Seed of the damage.
        processes: How many formats are read at once.

    Returns:
        Rows of the columns `HEAD`. Good is a file that is refused by name, or loaded as a whole;
        some of these have other numbers, which no checksum guards.
    """
    from tests.weights.test_files import WRITERS

    each = -(-changes // len(WRITERS))
    context = multiprocessing.get_context("spawn")

    def row(form):
        with concurrent.futures.ProcessPoolExecutor(1, context) as process:
            try:
                _, _, *counts = process.submit(of_format, form, each, seed).result()
            except concurrent.futures.process.BrokenProcessPool:  # the reader has crashed
                return form, each, 0, *[""] * (len(HEAD) - 3)
        return form, each, each - sum(counts[3:]), *counts

    with concurrent.futures.ThreadPoolExecutor(processes) as threads:
        return list(threads.map(row, WRITERS))


if __name__ == "__main__":
    for row in run():
        print(*row, sep="; ")
