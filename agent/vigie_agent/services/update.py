"""Takes one update from the channel to its trial: verified, unpacked, tried, and only then current.

The order is what makes it safe: until the last step, the one that replaces the standing, nothing
that runs on the device depends on anything new.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from vigie_agent.domain.errors import UpdateFailed, UpdateRefused
from vigie_agent.domain.releases import Offered, wanted
from vigie_agent.domain.updating import begin, may_take, refuse
from vigie_agent.ports import UpdateChannel, Versions

log = structlog.get_logger()

SPARE_BYTES: Final = 64 * 1024 * 1024
"""What an update leaves free: the spool comes first."""


@dataclass(frozen=True, slots=True)
class Update:
    """Callable: the release that is on trial now, or None when there is none to take."""

    channel: UpdateChannel
    versions: Versions
    try_out: Callable[[Path], None]
    """Raises UpdateRefused when a program does not work on this device."""
    installed: str
    platform: str
    now: Callable[[], datetime]

    def look(self, version: str = "") -> Offered | None:
        """The release to take: this version, or the newest; None when it runs already, or is gone.

        Raises UpdateRefused, LinkLost.
        """
        standing = self.versions.standing()
        found = wanted(self.channel.releases(), self.platform, version)
        if found is None or found.version.text == (standing.current or self.installed):
            return None
        may_take(found, standing, self.installed, self.now())
        return found

    def __call__(self, version: str = "", *, with_server: bool) -> Offered | None:
        """Raises UpdateRefused, UpdateFailed, LinkLost."""
        found = self.look(version)
        if found is None:
            return None
        try:
            self._place(found, with_server=with_server)
        except OSError as error:
            raise UpdateFailed(
                f"{found.version.text} could not be put in place: {error}"
            ) from error
        log.info("update_on_trial", version=found.version.text)
        return found

    def _place(self, found: Offered, *, with_server: bool) -> None:
        standing = self.versions.standing()
        self.versions.tidy(standing)
        needed = found.length + found.unpacked + SPARE_BYTES
        if self.versions.room() < needed:
            raise UpdateFailed(
                f"{found.version.text} needs {needed // 1_000_000} MB free in the data folder"
            )
        archive = self.channel.fetch(found)
        try:
            self.try_out(self.versions.place(found.version, archive, unpacked=found.unpacked))
        except UpdateRefused as error:  # it would be no better the next time
            self.versions.keep(refuse(standing, found.version, str(error)))
            raise
        self.versions.keep(begin(standing, found.version, with_server=with_server))
