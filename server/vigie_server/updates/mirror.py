"""A copy of an update channel in a folder, as it is handed on to devices."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

import structlog

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.rolling_out import Release

if TYPE_CHECKING:
    from vigie_server.updates.verifying import Verified

log = structlog.get_logger()

METADATA: Final = "metadata"


@dataclass(slots=True)
class Mirror:
    """See `vigie_server.ports.updating.Mirrored`. Verified again whenever its timestamp changes."""

    folder: Path
    root: Path | None
    _seen: tuple[int, int] | None = None
    _held: "Verified | None" = None
    _looking: Lock = field(default_factory=Lock)

    def releases(self) -> Sequence[Release]:
        held = self._current()
        return () if held is None or held.expires <= datetime.now(UTC) else held.releases  # noqa: TID251 (as the client: the real clock)

    def file(self, name: str) -> Path | None:
        held = self._current()
        if held is None:
            return None
        folder, _, rest = name.partition("/")
        is_metadata = folder == METADATA and "/" not in rest and rest.endswith(".json")
        if not (is_metadata or name in held.targets):
            return None
        path = self.folder / name
        return path if path.is_file() and not path.is_symlink() else None

    def expiry(self) -> datetime | None:
        held = self._current()
        return None if held is None else held.expires

    def _current(self) -> "Verified | None":
        try:
            stat = (self.folder / METADATA / "timestamp.json").stat()
        except OSError:
            self._seen = self._held = None
            return None
        seen = (stat.st_mtime_ns, stat.st_ino)
        with self._looking:  # the first of many verifies
            if seen != self._seen:
                # What verifies takes memory that a server without a channel does not spend.
                from vigie_server.updates.verifying import verified  # noqa: PLC0415

                try:
                    self._held = verified(self.folder, self.root)
                except DeclarationRefused as error:
                    log.error("update_channel_refused", error=str(error))
                    self._held = None
                self._seen = seen
            return self._held
