"""Unpacks a release: a tar of files, folders and links that all stay inside it."""

import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from vigie_agent.domain.errors import UpdateRefused
from vigie_agent.updates.disk import Disk

MOST_ENTRIES: Final = 20_000
_PIECE_BYTES: Final = 256 * 1024


def unpack(archive: Path, folder: Path, disk: Disk, *, most_bytes: int) -> None:
    """Unpacks into `folder`, which is made. Raises UpdateRefused, OSError.

    The archive is its publisher's by then; the bounds are for a publisher's mistakes.
    """
    disk.folder(folder)
    folders = {folder}
    room = most_bytes
    try:
        with tarfile.open(archive, "r:xz") as tar:
            for number, found in enumerate(tar):
                if number >= MOST_ENTRIES:
                    raise UpdateRefused(f"the release has more than {MOST_ENTRIES} files")
                member = tarfile.data_filter(found, str(folder))
                place = folder / member.name
                if member.isdir():
                    disk.folder(place)
                    folders.add(place)
                elif member.issym():
                    disk.link(place, member.linkname)
                elif member.isreg():
                    room -= member.size
                    if room < 0:
                        raise UpdateRefused("the release is larger than its publisher signed")
                    _write(tar.extractfile(member), place, disk, member.mode or 0)
                else:
                    raise UpdateRefused(f"the release holds a {member.type!r}: {member.name}")
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise UpdateRefused(f"the release cannot be unpacked: {error}") from error
    for made in folders:
        disk.sync(made)


def _write(content: IO[bytes] | None, place: Path, disk: Disk, mode: int) -> None:
    runs = bool(mode & 0o100)
    disk.write(place, _pieces(content), mode=0o755 if runs else 0o644)


def _pieces(content: IO[bytes] | None) -> Iterator[bytes]:
    while content is not None and (piece := content.read(_PIECE_BYTES)):
        yield piece
