"""How far something long is, on the error stream."""

import sys
import time

AFTER = 1.0  # seconds after which it is shown
EVERY = 0.2, 30.0  # seconds from one showing to the next, on a terminal and in a log


class Progress:
    """Shows how many of how many are done, and how many a second, once it takes longer.

    Args:
        what: What is counted, such as `"files"`.
        total: How many there are.
        verbose: Whether anything is shown.

    Example:

    ```python
    from keras_classics.progress import Progress

    progress = Progress("files", 3)
    for _ in range(3):
        progress.add(1)
    progress.end()  # of a second or more: files: 3 of 3
    ```
    """

    def __init__(self, what: str, total: int, verbose: bool = True):
        self.what, self.total, self.verbose = what, total, verbose
        self.done, self.begun, self.shown = 0, time.monotonic(), 0.0

    def add(self, count: int) -> None:
        """Counts some more.

        Args:
            count: How many.
        """
        self.done += count
        now = time.monotonic()
        on_terminal = sys.stderr.isatty()
        if self.verbose and now - self.begun > AFTER and now - self.shown > EVERY[not on_terminal]:
            self.shown = now
            self._show("\r" if on_terminal else "\n")

    def end(self) -> None:
        """Shows the last line, if there was one before."""
        if self.shown:
            self._show("\n")

    def _show(self, end):
        rate = self.done / max(time.monotonic() - self.begun, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        words = f"{self.what}: {self.done:,} of {self.total:,}, {rate:,.0f} a second"
        words += f", {left:,.0f} s left" if self.done < self.total else ""
        print(f"{words:<78}", end=end, file=sys.stderr, flush=True)
