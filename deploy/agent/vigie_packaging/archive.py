"""A release as it travels: one tar of the agent's folder, the same bytes from the same folder."""

import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie_packaging.bundle import files

_MODE_RUNS: Final = 0o755
_MODE_READ: Final = 0o644


class NotARelease(Exception):
    """The folder is not an agent as it is built."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive of a release."""

    archive: Path
    version: str
    unpacked: int


def pack(bundle: Path, archive: Path, *, preset: int = 6) -> Packed:
    """Packs a built agent. Raises NotARelease when it does not say its version."""
    version = _version(bundle)
    unpacked = 0
    with (
        lzma.open(archive, "wb", preset=preset) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        folders = {path for path in bundle.rglob("*") if path.is_dir() and not path.is_symlink()}
        for path in sorted({*folders, *files(bundle)}):
            entry = tarfile.TarInfo(path.relative_to(bundle).as_posix())
            if path.is_symlink():
                entry.type, entry.linkname = tarfile.SYMTYPE, path.readlink().as_posix()
                tar.addfile(entry)
            elif path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, _MODE_RUNS
                tar.addfile(entry)
            else:
                runs = bool(path.stat().st_mode & 0o100)
                entry.size, entry.mode = path.stat().st_size, _MODE_RUNS if runs else _MODE_READ
                unpacked += entry.size
                with path.open("rb") as content:
                    tar.addfile(entry, content)
    return Packed(archive, version, unpacked)


def _version(bundle: Path) -> str:
    """As the built agent itself reads it."""
    for about in bundle.glob("_internal/vigie-*.dist-info/METADATA"):
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ").strip()
    raise NotARelease(f"{bundle} is no built agent: build it with `make agent-bundle`")
