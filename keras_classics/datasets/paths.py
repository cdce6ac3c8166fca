"""Paths of a million files, in a few arrays."""

import hashlib
import itertools
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

SEPARATORS = [os.fsencode(each) for each in (os.sep, os.altsep) if each]
AT_ONCE = 2**12  # paths that are hashed at once: their bytes take a hundred times as much memory
LONGEST = 2**10  # bytes of a name that have a weight of their own
WEIGHTS = np.random.default_rng(0).integers(1, 2**63, LONGEST + 2, "uint64") | np.uint64(1)


class Paths(Sequence[str]):
    """Paths of files by folder and name, with the size and the time of each file.

    A path takes 28 bytes and its name; as a string of Python it would take 150. The names may have
    4 GB in all, a hundred million of them.

    Args:
        folders: Paths of the folders, which end in a separator.
        rows: Integers `(n, 3)`: of each file the number of its folder, and where its name begins
            and ends in `names`.
        names: The names, one behind the other.
        stats: Integers `(n, 2)`: sizes in bytes, and times of the last change in nanoseconds.
            Default: they are asked for when they are needed.
    """

    def __init__(self, folders: list[bytes], rows: Any, names: bytes, stats: Any = None):
        self.folders, self.rows, self.names = folders, np.asarray(rows, "uint32"), names
        self._stats = None if stats is None else np.asarray(stats, "int64")

    @classmethod
    def of(cls, paths: "Iterable[str | os.PathLike]", stats: Any = None) -> "Paths":
        """The same paths, in arrays.

        Args:
            paths: The paths.
            stats: As of `Paths`.
        """
        if isinstance(paths, Paths):
            return paths
        folders: dict[bytes, int] = {}
        rows, names, end = [], [], 0
        for path in map(os.fsencode, paths):
            cut = max(map(path.rfind, SEPARATORS)) + 1
            begin, end = end, end + len(path) - cut
            rows.append((folders.setdefault(path[:cut], len(folders)), begin, end))
            names.append(path[cut:])
        return cls([*folders], np.reshape(rows, (-1, 3)), b"".join(names), stats)

    @classmethod
    def joined(cls, parts: "Sequence[Paths]") -> "Paths":
        """The paths of several, one behind the other.

        Args:
            parts: The several. They know their sizes and times, or none does.
        """
        rows, first, begin = [np.zeros((0, 3), "uint32")], 0, 0
        for part in parts:
            rows.append(part.rows + np.array([first, begin, begin], "uint32"))
            first, begin = first + len(part.folders), begin + len(part.names)
        known = all(part._stats is not None for part in parts)
        return cls(
            list(itertools.chain.from_iterable(part.folders for part in parts)),
            np.concatenate(rows),
            b"".join(part.names for part in parts),
            np.concatenate([np.zeros((0, 2), "int64"), *(part._stats for part in parts)])
            if known
            else None,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        folder, begin, end = self.rows[index].tolist()
        return os.fsdecode(self.folders[folder] + self.names[begin:end])

    def __eq__(self, other):
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        first = ", ".join(map(repr, self[:3]))
        return f"Paths([{first}{', ...' if len(self) > 3 else ''}])"

    def name(self, index: int) -> bytes:
        """The name of a file, without its folder."""
        _, begin, end = self.rows[index].tolist()
        return self.names[begin:end]

    def take(self, positions: Any) -> "Paths":
        """The paths at some positions, in their order.

        Args:
            positions: Integers.
        """
        positions = np.asarray(positions, "int64")
        stats = None if self._stats is None else self._stats[positions]
        return Paths(self.folders, self.rows[positions], self.names, stats)

    @property
    def stats(self) -> np.ndarray:
        """Sizes in bytes, and times of the last change in nanoseconds, `(n, 2)`.

        Of a file that is not there both are -1.
        """
        if self._stats is None:
            self._stats = np.array([_stat(path) for path in self], "int64").reshape(-1, 2)
        return self._stats

    def hashes(self, root: bytes = b"") -> np.ndarray:
        """A number for each path, below a folder that all have in common.

        Args:
            root: Path of that folder. Default: the whole paths count.

        Returns:
            uint64 `(n,)`.
        """
        of_folders = [hashlib.blake2b(each[len(root) :], digest_size=8) for each in self.folders]
        found = np.array([int.from_bytes(each.digest()) for each in of_folders], "uint64")
        found = found[self.rows[:, 0]]
        names = np.frombuffer(self.names, "uint8")
        for k in range(0, len(self), AT_ONCE):
            _, begin, end = self.rows[k : k + AT_ONCE].T.astype("int64")
            length = end - begin
            last = np.cumsum(length)
            place = np.arange(last[-1]) - np.repeat(last - length, length)  # within each name
            values = names[np.repeat(begin, length) + place].astype("uint64") + np.uint64(1)
            # A universal hash: the sum of the bytes, each times a number of its place.
            values *= WEIGHTS[place % LONGEST] + (place // LONGEST).astype("uint64")
            sums = np.concatenate([np.zeros(1, "uint64"), np.cumsum(values)])
            found[k : k + AT_ONCE] += sums[last] - sums[last - length]
        return found

    def root(self) -> bytes:
        """The folder that all paths have in common, of absolute paths; else nothing."""
        folders = [self.folders[k] for k in np.unique(self.rows[:, 0])]
        if not folders or not all(map(os.path.isabs, folders)):
            return b""
        return os.path.commonpath(folders).rstrip(os.fsencode(os.sep))

    def marks(self) -> np.ndarray:
        """A number for each file: of its path, its size and the time of its last change.

        Returns:
            uint64 `(n,)`.
        """
        sizes, times = self.stats.astype("uint64").T
        return self.hashes() + sizes * WEIGHTS[-2] + times * WEIGHTS[-1]

    def arrays(self) -> dict[str, np.ndarray]:
        """The paths as arrays, for a file."""
        used, number = np.unique(self.rows[:, 0], return_inverse=True)
        rows = self.rows.copy()
        rows[:, 0] = number
        folders = b"\0".join(self.folders[k] for k in used)
        return {
            "folders": np.frombuffer(folders, "uint8"),
            "rows": rows,
            "names": np.frombuffer(self.names, "uint8"),
            "stats": self.stats,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Paths":
        """The paths of what `arrays` gives."""
        folders = arrays["folders"].tobytes().split(b"\0")
        return cls(folders, arrays["rows"], arrays["names"].tobytes(), arrays["stats"])


def _stat(path):
    try:
        found = os.stat(path)
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns
