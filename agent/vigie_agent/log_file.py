"""A log in a file that keeps to its bound: one older part is kept, what came before goes."""

import threading
from pathlib import Path


class LogFile:
    """What is written goes to the end of `path`; a full file becomes `path.1`, in its place."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._most = max_bytes // 2  # two parts
        self._file = path.open("ab")
        self._size = path.stat().st_size
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Appends `text`. Raises OSError."""
        line = text.encode(errors="backslashreplace")
        with self._lock:
            if self._size and self._size + len(line) > self._most:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("ab")
                self._size = 0
            self._file.write(line)
            self._size += len(line)
        return len(text)

    def flush(self) -> None:
        """Hands what was written to the system. Raises OSError."""
        with self._lock:
            self._file.flush()

    def isatty(self) -> bool:
        """Nobody reads along."""
        return False

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._file.close()
