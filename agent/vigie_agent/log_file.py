"""A log in a file that keeps to its bound: one older part is kept, what came before goes.

A line that cannot be written (a full disk, a file that somebody holds) is lost: a log stops
nothing.
"""

import threading
from contextlib import suppress
from pathlib import Path


class LogFile:
    """What is written goes to the end of `path`; a full file becomes `path.1`, in its place.

    The file is held by nobody between two lines: a service and the version that runs below it write
    into the same one, and Windows moves no file that is open.

    Raises OSError where `path` cannot be opened at all.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._most = max_bytes // 2  # two parts
        self._lock = threading.Lock()
        with path.open("ab"):
            pass

    def write(self, text: str) -> int:
        """Appends `text`. Never raises."""
        line = text.encode(errors="backslashreplace")
        with self._lock, suppress(OSError):
            size = self._path.stat().st_size if self._path.exists() else 0
            if size and size + len(line) > self._most:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                size = 0
            if size + len(line) <= self._most:
                with self._path.open("ab", buffering=0) as file:
                    file.write(line)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """Nobody reads along."""
        return False
