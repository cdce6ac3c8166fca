"""The files of a run folder: their names, and what is said of one that is damaged."""

import contextlib
import csv
import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Iterable
from typing import Any

from keras_classics import __version__
from keras_classics.atomic import atomic
from keras_classics.training import lock

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest; a higher number is of a later version of this library
CHECKPOINTS = ("checkpoint-1.npz", "checkpoint-2.npz")  # in turn: one is complete
START = "start.npz"  # weights that were found before the first epoch
OF_A_START = (MANIFEST, "mean.npy", START)  # what a run has before its first step
REPLACED = "replaced-{}.json"  # damaged files that a worker has met; the manifest has them later
NETWORKS = ("model.keras", "best.keras")

# Of what kind the parts of a manifest are, by their names; those that are needed first.
NEEDED: dict[tuple[str, ...], type] = {
    ("recipe",): dict,
    ("recipe", "class"): str,
    ("seed",): int,
    ("dtype_policy",): str,
    ("data",): dict,
    ("data", "name"): str,
    ("data", "classes"): list,
    ("versions",): dict,
}
POSSIBLE: dict[tuple[str, ...], type | tuple[type, ...]] = {
    ("format",): int,
    ("replicas",): int,
    ("resumed",): list,
    ("network",): dict,
    ("network", "sha256"): str,
    ("left out",): dict,
    ("replaced",): dict,
    ("mean",): dict,
    ("files",): dict,
    ("seconds",): (int, float),
    ("images a second",): dict,
    ("start",): list,
    ("errors",): dict,
}

# What can be done about a damaged file.
REMEDIES = {
    "mean.npy": "Remove it, and resume the run (--resume): the mean is computed again from the "
    "training images, and must come out as it was.",
    START: "Remove it, and resume the run (--resume): it is computed again, and must come out as "
    "it was.",
    "history.csv": "The network and its errors, model.keras and manifest.json, are not touched.",
}


def confusion(part: str) -> str:
    """The name of the file with the confusions of a part of the data."""
    return f"confusion-{part.replace(' ', '-')}.csv"


def write_manifest(folder: pathlib.Path, manifest: dict[str, Any]) -> None:
    """Writes `manifest.json`."""
    with atomic(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """Reads `manifest.json`.

    Args:
        folder: A run folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, or of a later version; the message says what is left.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a run folder: it has no {MANIFEST}. `keras-classics train` makes run "
            "folders."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON and of UTF-8
        raise _damaged(folder, f"it is not JSON ({error})") from error
    if not isinstance(manifest, dict):
        raise _damaged(folder, f"expected an object of JSON, received {type(manifest).__name__}")
    later = manifest.get("format", FORMAT)
    if isinstance(later, int) and later > FORMAT:
        raise ValueError(
            f"{path} is of a later version of keras-classics, format {later}, and this is version "
            f"{__version__}, which reads up to format {FORMAT}: update keras-classics."
        )
    for names, kind in [*NEEDED.items(), *POSSIBLE.items()]:
        *parents, last = names
        within = manifest[parents[0]] if parents and parents[0] in manifest else manifest
        if parents and within is manifest:
            continue
        if last not in within and names in NEEDED:
            raise _damaged(folder, f"it has no {' / '.join(names)}")
        if last in within and not isinstance(within[last], kind):
            raise _damaged(folder, f"its {' / '.join(names)} is {json.dumps(within[last])[:60]}")
    return manifest


def _damaged(folder, why):
    """The error of a damaged manifest, with what can still be done."""
    if (folder / "model.keras").is_file():
        left = "model.keras is the trained network: keras.saving.load_model reads it."
    elif any((folder / name).is_file() for name in CHECKPOINTS):
        left = (
            "The checkpoints are not touched by that. Begin the same training in another folder, "
            f"stop it after a step, and copy its {MANIFEST} into this one: --resume goes on here."
        )
    else:
        left = "There is neither a network nor a checkpoint in the folder: begin in another one."
    return ValueError(f"{folder / MANIFEST} is damaged: {why}. {left}")


def write_replaced(folder: pathlib.Path, worker: int, replaced: dict[str, str]) -> None:
    """Writes the damaged files that a worker has met, `{path: reason}`."""
    with atomic(folder / REPLACED.format(worker)) as path:
        path.write_text(json.dumps(replaced, indent=2) + "\n", encoding="utf-8")


def read_replaced(folder: pathlib.Path) -> dict[str, str]:
    """The damaged files that all workers have met while training, `{path: reason}`."""
    replaced: dict[str, str] = {}
    for path in sorted(folder.glob(REPLACED.format("*"))):
        with contextlib.suppress(ValueError):  # of a damaged one: they are met again
            replaced |= json.loads(path.read_text(encoding="utf-8"))
    return replaced


def others(folder: pathlib.Path) -> set[str]:
    """The names of what is in a folder, but for what a start that was killed leaves."""
    own = {path.name for path in (*lock.locks(folder).values(), *folder.glob(lock.PARTS))}
    return set(os.listdir(folder)) - own - {f"part-{MANIFEST}"}


def remove(folder: pathlib.Path, names: Iterable[str]) -> None:
    """Removes files of the run, as far as they are there and can be removed."""
    for name in names:
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def tidy(folder: pathlib.Path) -> None:
    """Removes what a finished run does not need: checkpoints, and what a killed process left."""
    known = (*OF_A_START, *CHECKPOINTS, *NETWORKS, "history.csv")
    replaced = [path.name for path in folder.glob(REPLACED.format("*"))]
    parts = (f"part-{name}" for name in (*known, *replaced))
    remove(folder, (*CHECKPOINTS, *replaced, *parts, *lock.gone(folder)))


def digest(path: pathlib.Path) -> str:
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: pathlib.Path, expected: str | None, remedy: str = "") -> None:
    """Refuses a file that is not as the run has written it.

    Args:
        path: Path of the file.
        expected: Its SHA-256, as the manifest has it; `None` if it does not have it yet.
        remedy: What can be done.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it is another.
    """
    if expected is None:
        return
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing, which the run has written. {remedy}".strip())
    found = digest(path)
    if found != expected:
        raise ValueError(
            f"{path} is damaged or was changed: its SHA-256 was {expected[:16]}... when the run "
            f"wrote it, and is {found[:16]}... now. {remedy}".strip()
        )


def check_archive(path: pathlib.Path) -> None:
    """Refuses a network of Keras that is cut or damaged. Of a cut one Keras says "not found".

    Args:
        path: Path of a `.keras` file, which exists.

    Raises:
        ValueError: If it is not whole.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            why = damaged and f"its part {damaged} is damaged"
    except (OSError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        why = str(error)
    if why:
        best = path.with_name("best.keras")
        also = f" {best.name} is the network of the best validation." if best.is_file() else ""
        raise ValueError(
            f"{path} is not whole: {why}. It cannot be mended.{also} The run can be trained again: "
            f"{MANIFEST} has its recipe and its seed."
        )


def read_history(path: pathlib.Path) -> dict[str, list[float]]:
    """Reads `history.csv`: its columns, a list of numbers each.

    Args:
        path: Path of the file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: no epoch has ended yet, or it was removed. Of an unfinished "
            "run it is written again as the run is resumed (--resume)."
        )
    try:
        text = path.read_text(encoding="utf-8")
        (*names,), *rows = csv.reader(text.splitlines())
        if not rows or not text.endswith("\n") or {len(row) for row in rows} != {len(names)}:
            raise ValueError("a row is cut, or there is none")
        columns = zip(*rows, strict=True)
        return {n: [float(x) for x in column] for n, column in zip(names, columns, strict=True)}
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. Of an unfinished run it is written again as the run is "
            f"resumed (--resume). {REMEDIES['history.csv']}"
        ) from error
