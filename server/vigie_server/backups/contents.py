"""The inside of a backup: a compressed tar that is made and read as it streams."""

import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, Final

from vigie_server.backups.manifest import NAME, Held, Manifest, read_manifest
from vigie_server.backups.private_files import new_private_file
from vigie_server.domain.errors import BackupRefused

PIECE: Final = 256 * 1024
MOST_MANIFEST_BYTES: Final = 16 * 1024 * 1024
_LEVEL: Final = 4
_AS_GZIP: Final = 31
_BLOCK: Final = tarfile.BLOCKSIZE

Done = Callable[[int], None]
"""Told how many more bytes are done."""


def held(path: str, file: Path) -> Held:
    """The file as it is now, to be called `path` in the backup. Raises OSError."""
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
        return Held(path, content.tell(), digest)


def packed(manifest: Manifest, files: Mapping[str, Path], done: Done) -> IO[bytes]:
    """The compressed tar of the manifest and its files, made as it is read.

    Raises BackupRefused, when read, for a file that changed since the manifest was made.
    """
    return io.BufferedReader(_Pulled(_compressed(_tar(manifest, files, done))), PIECE)


def unpack(stream: IO[bytes], folder: Path | None, done: Done) -> Manifest:
    """Checks every file of the stream, and puts it into the folder if there is one.

    Raises BackupRefused for whatever is not as the manifest says, OSError where it cannot be put.
    """
    try:
        inside = io.BufferedReader(_Pulled(_decompressed(stream)), PIECE)
        with tarfile.open(fileobj=inside, mode="r|") as tar:
            manifest = _manifest(tar)
            for expected in manifest.files:
                _take(tar, expected, folder, done)
            if tar.next() is not None:
                raise BackupRefused("the backup holds more than it says")
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise BackupRefused("the backup is damaged, or is not one of Vigie") from error
    return manifest


def _tar(manifest: Manifest, files: Mapping[str, Path], done: Done) -> Iterator[bytes]:
    content = json.dumps(manifest.written(), indent=1).encode()
    yield _header(NAME, len(content), manifest)
    yield content + _padding(len(content))
    for expected in manifest.files:
        yield _header(expected.path, expected.size, manifest)
        digest, size = sha256(), 0
        with files[expected.path].open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                size += len(piece)
                yield piece
                done(len(piece))
        if (size, digest.hexdigest()) != (expected.size, expected.sha256):
            raise BackupRefused(f"{expected.path} was changed while it was read: try again")
        yield _padding(size)
    yield bytes(2 * _BLOCK)


def _header(name: str, size: int, manifest: Manifest) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    member.mtime = int(manifest.made_at.timestamp())
    return member.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    compress = zlib.compressobj(_LEVEL, wbits=_AS_GZIP)
    for piece in pieces:
        yield compress.compress(piece)
    yield compress.flush()


def _decompressed(stream: IO[bytes]) -> Iterator[bytes]:
    """By pieces, however much one piece of the stream comes to."""
    decompress = zlib.decompressobj(wbits=_AS_GZIP)
    while not decompress.eof:
        piece = decompress.unconsumed_tail or stream.read(PIECE)
        if not piece:
            return
        yield decompress.decompress(piece, PIECE)


class _Pulled(io.RawIOBase):
    """Reads what an iterator gives."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _manifest(tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    if member is None or member.name != NAME or member.size > MOST_MANIFEST_BYTES:
        raise BackupRefused("that is no backup of Vigie: it does not say what it holds")
    try:
        return read_manifest(json.loads(_content(tar, member).read()))
    except ValueError as error:
        raise BackupRefused("the backup's list of files cannot be read") from error


def _take(tar: tarfile.TarFile, expected: Held, folder: Path | None, done: Done) -> None:
    member = tar.next()
    if member is None or member.name != expected.path or not member.isfile():
        raise BackupRefused(f"the backup lacks {expected.path}")
    content = _content(tar, member)
    if folder is None:
        found = _copy(content, None, done)
    else:
        place = folder / expected.path
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with new_private_file(place) as file:
            found = _copy(content, file, done)
            file.flush()
            os.fsync(file.fileno())
    if found != (expected.size, expected.sha256):
        raise BackupRefused(f"{expected.path} is not as it was written: the backup is damaged")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise BackupRefused(f"{member.name} is no file: that is no backup of Vigie")
    return content


def _copy(content: IO[bytes], into: IO[bytes] | None, done: Done) -> tuple[int, str]:
    digest, size = sha256(), 0
    while piece := content.read(PIECE):
        digest.update(piece)
        size += len(piece)
        if into is not None:
            into.write(piece)
        done(len(piece))
    return size, digest.hexdigest()
