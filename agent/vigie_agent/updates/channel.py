"""The update channel as The Update Framework's own client sees it, over any `UpdateSource`.

What it gives has passed that client's workflow: signatures by enough keys, from the root that came
with the agent to the release's own bytes; nothing expired; nothing older than what was seen before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from vigie_agent.domain.errors import LinkLost, NotPublished, UpdateRefused
from vigie_agent.domain.releases import Offered
from vigie_agent.ports import UpdateSource
from vigie_agent.updates.disk import Disk

METADATA: Final = "metadata/"
TARGETS: Final = "targets/"
MOST_ROOTS: Final = 64
"""Changes of keys that are followed at once."""

_NOT_FOUND: Final = 404


class Channel:
    """See `vigie_agent.ports.UpdateChannel`. `folder` keeps what was seen, `incoming` downloads."""

    def __init__(
        self, folder: Path, incoming: Path, root: bytes, source: UpdateSource, disk: Disk
    ) -> None:
        self._source: Final = source
        self._incoming: Final = incoming
        self._folder: Final = folder
        self._disk: Final = disk
        disk.folder(folder)
        disk.folder(incoming)
        with _refusals():
            self._client: Final = Updater(
                str(folder),
                METADATA,
                fetcher=_Fetching(source),
                config=UpdaterConfig(max_root_rotations=MOST_ROOTS),
                bootstrap=root,
            )

    def releases(self) -> tuple[Offered, ...]:
        """What the publisher offers now. Raises UpdateRefused, LinkLost."""
        with _refusals():
            self._client.refresh()
            signed = Metadata[Targets].from_file(str(self._folder / "targets.json")).signed
        return tuple(_offered(target) for target in signed.targets.values())

    def fetch(self, offered: Offered) -> Path:
        """The release's archive, whole and as it was signed. Raises UpdateRefused, LinkLost.

        What had come before the link was lost is not asked for again.
        """
        part = self._incoming / f"{offered.sha256}.part"
        for other in self._incoming.iterdir():
            if other != part:
                self._disk.remove(other)
        with _refusals():
            target = self._client.get_targetinfo(offered.path)
            if target is None:
                raise UpdateRefused(f"{offered.path} is not in the channel any more")
            self._download(target, offered, part)
            if self._client.find_cached_target(target, str(part)) is None:
                self._disk.remove(part)
                raise UpdateRefused(f"{offered.path} is not what its publisher signed")
        return part

    def _download(self, target: TargetFile, offered: Offered, part: Path) -> None:
        begun = part.stat().st_size if part.exists() else 0
        if begun > target.length:
            self._disk.remove(part)
            begun = 0
        if begun < target.length:
            folder, _, name = target.path.rpartition("/")
            published = f"{TARGETS}{folder}{'/' if folder else ''}{offered.sha256}.{name}"
            left = target.length - begun
            try:
                self._disk.append(part, _at_most(left, self._source.read(published, offset=begun)))
            except NotPublished as error:
                raise LinkLost(f"the channel has no {published} yet") from error
        if part.stat().st_size < target.length:
            raise LinkLost(f"{offered.path} ended early: it is gone on with the next time")


class _Fetching(FetcherInterface):
    """How the client asks for metadata."""

    def __init__(self, source: UpdateSource) -> None:
        self._source = source

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield from self._source.read(url)
        except NotPublished as error:
            raise DownloadHTTPError(str(error), _NOT_FOUND) from error


@contextmanager
def _refusals() -> Iterator[None]:
    """What the client refuses, in words for whoever looks after the device."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise UpdateRefused(
            f"the update channel is out of date, or this clock is wrong: {error}"
        ) from error
    except RepositoryError as error:
        raise UpdateRefused(
            f"the update channel is not as its publisher signed: {error}"
        ) from error
    except DownloadError as error:
        raise UpdateRefused(f"the update channel is not whole: {error}") from error


def _offered(target: TargetFile) -> Offered:
    told = target.custom
    sha256 = target.hashes.get("sha256", "")
    return Offered.read(target.path, target.length, sha256, told if isinstance(told, dict) else {})


def _at_most(length: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Raises UpdateRefused when there is more: the rest is not even taken."""
    for piece in pieces:
        length -= len(piece)
        if length < 0:
            raise UpdateRefused("the release is longer than its publisher signed")
        yield piece
