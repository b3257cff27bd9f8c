"""Verifies a copy of an update channel in a folder, and takes one in when it is whole and signed.

Devices verify every byte by themselves, from a root that no server gives them. What is verified
here keeps a damaged or older copy from being offered at all.
"""

import filecmp
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.rolling_out import Release, is_version

METADATA: Final = "metadata"
TARGETS: Final = "targets"
_STAMP: Final = "timestamp.json"
_PIECE: Final = 256 * 1024
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Verified:
    """A channel whose every file is as its keys signed."""

    releases: tuple[Release, ...]
    targets: frozenset[str]
    """The names of their files, as clients ask for them."""
    version: int
    """Of its timestamp."""
    expires: datetime


def verified(folder: Path, root: Path | None = None) -> Verified:
    """Verifies a channel whole, from this root or its own oldest. Raises DeclarationRefused."""
    trusted = root or _oldest_root(folder)
    try:
        with TemporaryDirectory(prefix="vigie-updates-") as scratch:
            client = Updater(
                scratch, f"{METADATA}/", fetcher=_Reading(folder), bootstrap=trusted.read_bytes()
            )
            client.refresh()
            targets = Metadata[Targets].from_file(f"{scratch}/targets.json").signed.targets
            names = {path: _published(target) for path, target in targets.items()}
            for path, name in names.items():
                target = client.get_targetinfo(path)
                if target is None or client.find_cached_target(target, str(folder / name)) is None:
                    raise DeclarationRefused(f"{folder / name} is missing, or not what was signed")
        stamp = Metadata[Timestamp].from_file(str(folder / METADATA / _STAMP)).signed
    except (RepositoryError, DownloadError) as error:
        raise DeclarationRefused(
            f"{folder} is not a channel as its publisher signed: {error}"
        ) from error
    except OSError as error:
        raise DeclarationRefused(f"{folder} cannot be read: {error}") from error
    releases = tuple(_release(target) for target in targets.values())
    return Verified(releases, frozenset(names.values()), stamp.version, stamp.expires)


def take_in(source: Path, folder: Path, root: Path | None = None) -> Verified:
    """Takes a channel into `folder`, whole and verified; what it names no more is removed.

    `timestamp.json` comes last, so devices see the channel before or the one after. Raises
    DeclarationRefused, also for a channel older than the one that is there; OSError.
    """
    there = folder / METADATA / _STAMP
    first = root or (_oldest_root(folder) if there.exists() else None)
    new = verified(source, first)
    if there.exists():
        held = Metadata[Timestamp].from_file(str(there)).signed.version
        if new.version < held:
            raise DeclarationRefused(
                f"{source} is older (timestamp {new.version}) than what this server has ({held})"
            )
    for name in sorted(new.targets):
        _copy(source / name, folder / name)
    for path in sorted((source / METADATA).glob("*.json"), key=lambda one: one.name == _STAMP):
        _copy(path, folder / METADATA / path.name)
    for path in (folder / TARGETS).rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in new.targets:
            path.unlink()
    return new


class _Reading(FetcherInterface):
    """Reads metadata of the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with (self._folder / url).open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except FileNotFoundError:
            raise DownloadHTTPError(f"{url} is missing", _NOT_FOUND) from None


def _oldest_root(folder: Path) -> Path:
    roots = [path for path in (folder / METADATA).glob("*.root.json") if path.name[0].isdigit()]
    if not roots:
        raise DeclarationRefused(f"{folder} is no update channel: metadata/1.root.json is missing")
    return min(roots, key=lambda path: int(path.name.partition(".")[0]))


def _published(target: TargetFile) -> str:
    folder, _, name = target.path.rpartition("/")
    digest = next(iter(target.hashes.values()))
    return f"{TARGETS}/{folder}{'/' if folder else ''}{digest}.{name}"


def _release(target: TargetFile) -> Release:
    told: Any = target.custom
    version = str(told.get("version", "")) if isinstance(told, dict) else ""
    if not is_version(version):
        raise DeclarationRefused(f"{target.path} says no version")
    return Release(version, str(told.get("platform", "")), target.length)


def _copy(source: Path, target: Path) -> None:
    """At once, unless the same is there already."""
    if target.is_file() and filecmp.cmp(source, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, half)
    with half.open("rb+") as file:
        os.fsync(file.fileno())
    half.replace(target)
