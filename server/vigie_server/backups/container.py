"""The outside of a backup: the tar that `tar` and `age` open, written whole or not at all."""

import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Final

from pyrage.x25519 import Identity

from vigie_server.backups.contents import PIECE, Done
from vigie_server.backups.private_files import new_private_file
from vigie_server.backups.sealing import MOST_KEY_BYTES, Sealing, decrypt
from vigie_server.domain.errors import BackupRefused, InUse

README: Final = "README.txt"
KEY: Final = "key.age"
DATA: Final = "data.tar.gz.age"
_BLOCK: Final = tarfile.BLOCKSIZE
_HOW: Final = """\
A backup of Vigie, a fleet compliance monitor. To bring it back: vigie-server restore FILE

Without Vigie, `tar` and `age` (https://age-encryption.org) open it:

  tar -xf FILE
  age -d -i key.age data.tar.gz.age | tar -xz     under a passphrase: it is asked for
  age -d -i MY-KEY data.tar.gz.age | tar -xz      encrypted to a key of yours

vigie.db is a SQLite database; ca/ holds the keys of the authorities: guard them.
"""


@dataclass(frozen=True, slots=True)
class Container:
    """A backup file: the key under a passphrase, if it has one, and where the content is."""

    path: Path
    wrapped: bytes | None
    offset: int
    size: int

    @contextmanager
    def opened(self, keys: Sequence[Identity], done: Done) -> Iterator[IO[bytes]]:
        """What is in it, decrypted as it is read; `done` is told bytes of the file.

        Raises BackupRefused on leaving, before whatever the reader makes of it, when no key fits
        or it is damaged or cut short.
        """
        reading, writing = os.pipe()
        work = _Decrypting(self, keys, writing, done)
        work.start()
        try:
            with os.fdopen(reading, "rb", buffering=PIECE) as stream:
                yield stream
                while stream.read(PIECE):
                    """To the end, which is authenticated too."""
        finally:
            work.join()
            if work.refused is not None:
                raise work.refused


class _Decrypting(Thread):
    def __init__(
        self, container: Container, keys: Sequence[Identity], writing: int, done: Done
    ) -> None:
        super().__init__(name="backup-decrypt", daemon=True)
        self._container, self._keys = container, keys
        self._writing, self._done = writing, done
        self.refused: BackupRefused | None = None

    def run(self) -> None:
        with (
            suppress(OSError),  # the reader left: it has said why
            os.fdopen(self._writing, "wb", buffering=PIECE) as writer,
            self._container.path.open("rb") as file,
        ):
            file.seek(self._container.offset)
            try:
                decrypt(_Part(file, self._container.size, self._done), writer, self._keys)
            except BackupRefused as error:
                self.refused = error


class _Part:
    """The next `size` bytes of a file."""

    def __init__(self, file: IO[bytes], size: int, done: Done) -> None:
        self._file, self._left, self._done = file, size, done

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        piece = self._file.read(wanted)
        self._left -= len(piece)
        self._done(len(piece))
        return piece


def write_container(path: Path, content: IO[bytes], sealing: Sealing, *, replace: bool) -> int:
    """Writes the backup, readable by its owner alone; its size in bytes.

    Raises InUse when there is a file already, OSError; `path` is as it was then.
    """
    _require_free(path, replace=replace)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with new_private_file(part) as file:
            _add(file, README, _HOW.encode())
            if sealing.wrapped is not None:
                _add(file, KEY, sealing.wrapped)
            header = file.tell()
            file.write(bytes(_BLOCK))
            sealing.encrypt(content, file)
            end = file.tell()
            file.write(bytes(-end % _BLOCK + 2 * _BLOCK))
            size = file.tell()
            file.seek(header)
            file.write(_header(DATA, end - header - _BLOCK))
            file.flush()
            os.fsync(file.fileno())
        _require_free(path, replace=replace)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return size


def read_container(path: Path) -> Container:
    """Raises BackupRefused for what is no backup, or is cut short."""
    wrapped, data = None, None
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            whole = os.fstat(file.fileno()).st_size
            for member in tar:
                if member.name == KEY and member.size <= MOST_KEY_BYTES:
                    content = tar.extractfile(member)
                    wrapped = content.read() if content is not None else None
                if member.name == DATA:
                    data = member
                    break
    except tarfile.TarError as error:
        raise BackupRefused(f"{path} is no backup of Vigie, or is damaged") from error
    except OSError as error:
        raise BackupRefused(f"{path} cannot be read: {error.strerror}") from error
    if data is None:
        raise BackupRefused(f"{path} is no backup of Vigie, or is damaged: {DATA} is not in it")
    if data.offset_data + data.size > whole:
        raise BackupRefused(f"{path} is cut short: {whole} bytes are there, more were written")
    return Container(path, wrapped, data.offset_data, data.size)


def _require_free(path: Path, *, replace: bool) -> None:
    if path.exists() and not replace:
        raise InUse(f"{path} is there already: --replace takes its place")


def _add(file: IO[bytes], name: str, content: bytes) -> None:
    file.write(_header(name, len(content)) + content + bytes(-len(content) % _BLOCK))


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member.tobuf(tarfile.GNU_FORMAT)  # one block, whatever the size
