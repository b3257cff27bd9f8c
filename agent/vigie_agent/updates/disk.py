"""What updates do to the disk, one step after the other, each durable before the next begins.

A power cut may come between any two steps. Tests cut the power at every one, through `step`.
"""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

_OPENED: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
_TRIES: Final = 20 if os.name == "nt" else 1
_AGAIN_AFTER: Final = 0.05

T = TypeVar("T")


def _patiently(act: Callable[[], T]) -> T:
    """Does it again for a second where Windows says that somebody has the file open.

    Another process that reads the standing, or an antivirus product that looks at what is new, has
    it for a moment; elsewhere the same answer is about rights, and comes at once.
    """
    for _ in range(_TRIES - 1):
        with suppress(PermissionError):
            return act()
        threading.Event().wait(_AGAIN_AFTER)
    return act()


class Disk:
    """Files and folders. Every member raises OSError."""

    def step(self, what: str, path: Path) -> None:
        """Called before each step; does nothing."""

    def folder(self, path: Path) -> None:
        """Makes the folder, which everyone may enter: what is in it is no secret."""
        if not path.is_dir():
            self.step("folder", path)
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
            self.sync(path.parent)

    def write(self, path: Path, content: Iterable[bytes], *, mode: int = 0o644) -> None:
        """Writes a new file, whole and durable; one that is there is written over."""
        path.unlink(missing_ok=True)
        self._write(path, content, os.O_EXCL, mode)

    def append(self, path: Path, content: Iterable[bytes], *, mode: int = 0o600) -> None:
        """Adds to a file. What came before `content` raised is kept."""
        self._write(path, content, os.O_APPEND, mode)

    def link(self, path: Path, target: str) -> None:
        """Makes a symbolic link."""
        self.step("link", path)
        path.symlink_to(target)

    def rename(self, path: Path, target: Path) -> None:
        """Gives a file or a folder its place; a file that is there is replaced at once."""
        self.step("rename", target)
        _patiently(lambda: path.replace(target))
        self.sync(target.parent)

    def remove(self, path: Path) -> None:
        """Removes a file or a folder, out of sight first: half a folder is never in its place."""
        if path.is_dir() and not path.is_symlink():
            gone = path.with_name(f".gone-{path.name}")
            self._remove_tree(gone)
            self.step("rename", gone)
            _patiently(lambda: path.replace(gone))
            self._remove_tree(gone)
        elif path.is_symlink() or path.exists():
            self.step("remove", path)
            path.unlink()

    def read(self, path: Path) -> bytes:
        """What a small file holds."""
        return _patiently(path.read_bytes)

    def replace_state(self, path: Path, state: Mapping[str, Any]) -> None:
        """Replaces a small JSON file at once."""
        temporary = path.with_name(f"{path.name}.new")
        self.write(temporary, [json.dumps(state, indent=1).encode()])
        self.rename(temporary, path)

    def sync(self, folder: Path) -> None:
        """Makes durable which names a folder has."""
        if os.name != "posix":
            return
        self.step("sync", folder)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _write(self, path: Path, content: Iterable[bytes], how: int, mode: int) -> None:
        self.step("write", path)
        descriptor = os.open(path, _OPENED | how, mode)
        with os.fdopen(descriptor, "wb") as file:
            if os.name == "posix":
                os.fchmod(descriptor, mode)  # whatever the umask says
            try:
                for piece in content:
                    file.write(piece)
            finally:
                file.flush()
            self.step("fsync", path)
            os.fsync(descriptor)

    def _remove_tree(self, folder: Path) -> None:
        if folder.is_dir():
            self.step("remove", folder)
            shutil.rmtree(folder)
