"""A log in a file that keeps to its bound: one older part is kept, what came before goes.

A line that cannot be written (a full disk, a file that somebody holds) is lost: a log stops
nothing.
"""

import threading
from contextlib import suppress
from pathlib import Path


class LogFile:
    """What is written goes to the end of `path`; a full file becomes `path.1`, in its place.

    Raises OSError where `path` cannot be opened at all.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._most = max_bytes // 2  # two parts
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Appends `text`. Never raises."""
        line = text.encode(errors="backslashreplace")
        with self._lock, suppress(OSError):
            if self._size and self._size + len(line) > self._most:
                self._begin_anew()
            if self._size + len(line) <= self._most:
                self._file.write(line)
                self._size += len(line)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """Nobody reads along."""
        return False

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._file.close()

    def _begin_anew(self) -> None:
        """Raises OSError and keeps the full file where Windows lets nobody move it."""
        self._file.close()
        try:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        finally:
            self._file = self._path.open("ab", buffering=0)
            self._size = self._path.stat().st_size
