"""What the headers of image files say: format and size. No image is decoded for it."""

import concurrent.futures
import os
import time
from collections.abc import Sequence

import numpy as np

from keras_classics import cache
from keras_classics.datasets.decoding import FORMATS, refuse_large
from keras_classics.datasets.paths import Paths
from keras_classics.progress import Progress

LARGE = 10_000  # files from which on it is kept what was found of them
AT_ONCE = 256  # files a thread reads before it asks for more
SLOW = 2e-4  # seconds a file from which on threads pay: those of Python wait for each other
THREADS = 32  # which wait for a disk in the network, and not for a processor
SIZES = {m for m in range(0xC0, 0xD0) if m not in (0xC4, 0xC8, 0xCC)}  # JPEG's start of a frame


def read_header(path: str | os.PathLike) -> tuple[str, int, int]:
    """The format, the width and the height of an image file, as its header says.

    Args:
        path: Path of the file.

    Returns:
        The format as Pillow names it, such as `"JPEG"`, and pixels.

    Raises:
        ValueError: If it has no header of an image, or declares too many pixels.
        OSError: If the file cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        begin = file.read(2048)
    if not begin:
        raise ValueError("it is empty")
    found = _jpeg(begin) or _png(begin) or _by_pillow(path)
    refuse_large(*found[1:])
    return found


def _jpeg(content):
    """What the header of a JPEG says, if it is near the beginning."""
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in SIZES:
            height, width = (int.from_bytes(content[k : k + 2]) for k in (at + 5, at + 7))
            return ("JPEG", width, height) if height and width else None
        at += 1 if marker == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def _png(content):
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or content[12:16] != b"IHDR":
        return None
    width, height = (int.from_bytes(content[k : k + 4]) for k in (16, 20))
    return ("PNG", width, height) if height and width and len(content) > 32 else None


def _by_pillow(path):
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=FORMATS) as image:
            return (image.format, *image.size)
    except UnidentifiedImageError as error:
        raise ValueError("not a JPEG, PNG, GIF, BMP, WebP or TIFF image") from error
    except (Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError(str(error)) from error


class Headers:
    """What is known of the files of a data set.

    Args:
        marks: A number for each file, as `Paths.marks` gives it, uint64 `(n,)`.
        sizes: Width and height, int32 `(n, 2)`.
        formats: Positions in `FORMATS`, int8 `(n,)`; -1 of a file that is no image.
        reasons: Why it is none, or cannot be decoded all the same, `{mark: reason}`.
    """

    def __init__(self, marks, sizes, formats, reasons):
        self.marks, self.sizes, self.formats, self.reasons = marks, sizes, formats, reasons

    @property
    def damaged(self) -> dict[int, str]:
        """The positions of the files that are known to be damaged, with the reasons."""
        known = np.isin(self.marks, np.array([*self.reasons], "uint64"))
        return {int(k): self.reasons[int(self.marks[k])] for k in np.flatnonzero(known)}

    def write(self, key: str) -> None:
        """Keeps what is known, if there are many files.

        Args:
            key: Name of the data set.
        """
        if len(self.marks) >= LARGE:
            order = np.argsort(self.marks, kind="stable")
            cache.write(
                "headers",
                key,
                marks=self.marks[order],
                sizes=self.sizes[order],
                formats=self.formats[order],
                damaged=np.array([*self.reasons], "uint64"),
                reasons=np.array([*self.reasons.values()], "str"),
            )


def read_headers(parts: Sequence[Paths], key: str, verbose: bool = False) -> Headers:
    """Reads the headers of files, in threads where a disk is slow.

    Of 10,000 files and more they are kept in Keras's cache, and are read again of those files
    alone that have another size or time.

    Args:
        parts: Paths of the files, of one split after the other.
        key: Name of the data set.
        verbose: Whether a long reading shows how far it is.

    Raises:
        OSError: If a file cannot be read.
    """
    marks = np.concatenate([np.zeros(0, "uint64"), *(part.marks() for part in parts)])
    n, firsts = len(marks), np.cumsum([0, *map(len, parts)])
    sizes, formats, reasons = np.zeros((n, 2), "int32"), np.full(n, -2, "int8"), {}
    kept = cache.read("headers", key) if n >= LARGE else None
    if kept is not None and len(kept["marks"]):
        at = np.searchsorted(kept["marks"], marks).clip(max=len(kept["marks"]) - 1)
        known = kept["marks"][at] == marks
        sizes[known], formats[known] = kept["sizes"][at[known]], kept["formats"][at[known]]
        there = np.isin(kept["damaged"], marks)
        damaged, why = (kept[name][there].tolist() for name in ("damaged", "reasons"))
        reasons = dict(zip(damaged, why, strict=True))
    missing = np.flatnonzero(formats == -2)
    if not len(missing):
        return Headers(marks, sizes, formats, reasons)

    def read(positions):
        for k in positions:
            part = np.searchsorted(firsts, k, "right") - 1
            try:
                name, *size = read_header(parts[part][k - firsts[part]])
            except (OSError, ValueError) as error:
                formats[k], reasons[int(marks[k])] = -1, _reason(error)
            else:
                sizes[k], formats[k] = size, FORMATS.index(name)
        return len(positions)

    progress = Progress("headers", n, verbose)
    progress.add(n - len(missing))
    chunks = [missing[k : k + AT_ONCE].tolist() for k in range(0, len(missing), AT_ONCE)]
    begin = time.perf_counter()
    progress.add(read(chunks[0]))
    slow = (time.perf_counter() - begin) / len(chunks[0]) > SLOW
    with concurrent.futures.ThreadPoolExecutor(THREADS if slow else 1) as pool:
        for count in pool.map(read, chunks[1:]) if slow else map(read, chunks[1:]):
            progress.add(count)
    progress.end()
    found = Headers(marks, sizes, formats, reasons)
    found.write(key)
    return found


def _reason(error):
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
